import Foundation

/// A lock and a condition to wait for, as one.
///
/// - Note: `@unchecked Sendable`: the two system objects are made for use from several threads, and never move.
final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    #if os(Linux)
      // Held for microseconds: trying again for a moment is cheaper than going to sleep.
      var attributes = pthread_mutexattr_t()
      pthread_mutexattr_init(&attributes)
      pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ADAPTIVE_NP))
      pthread_mutex_init(mutex, &attributes)
      pthread_mutexattr_destroy(&attributes)
    #else
      pthread_mutex_init(mutex, nil)
    #endif
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }
  func wait() { pthread_cond_wait(condition, mutex) }
  func signal() { pthread_cond_signal(condition) }
  func broadcast() { pthread_cond_broadcast(condition) }

  /// Waits at most so many seconds.
  func wait(seconds: Double) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let end = Double(time.tv_nsec) / 1e9 + min(max(seconds, 0), 1e6)
    time.tv_sec += Int(end)
    time.tv_nsec = Int((end - end.rounded(.down)) * 1e9)
    pthread_cond_timedwait(condition, mutex, &time)
  }

  func withLock<T>(_ body: () throws -> T) rethrows -> T {
    lock()
    defer { unlock() }
    return try body()
  }
}
