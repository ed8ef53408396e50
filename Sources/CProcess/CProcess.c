#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

// Between vfork and execve the child runs on this process's memory: only system calls, and no signal may be handled.
__attribute__((noreturn, noinline)) static void become(const graphrun_launch *launch, pid_t parent, volatile int *error,
                                                       volatile int *step) {
  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_DFL) continue;
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    sigaction(number, &action, NULL);
  }
  setsid();
#ifdef __linux__
  if (launch->dies_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
  }
#else
  (void)parent;
#endif
  for (int number = 0; number < launch->file_count; number++) {
    if (dup2(launch->files[number], number) < 0) goto failed;
  }
#if defined(__linux__) && defined(SYS_close_range)
  syscall(SYS_close_range, (unsigned)launch->file_count, ~0U, 0);
#endif
  *step = GRAPHRUN_NO_FOLDER;
  if (chdir(launch->folder) != 0) goto failed;
  *step = GRAPHRUN_NO_PROGRAM;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(launch->path, launch->arguments, launch->environment);
failed:
  *error = errno;
  _exit(127);
}

pid_t graphrun_spawn(const graphrun_launch *launch, int *handle, int *step) {
  volatile int error = 0;
  volatile int reached = GRAPHRUN_NO_PROCESS;
  pid_t parent = getpid();
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
#ifdef __linux__
  pid_t process = vfork();
#else
  pid_t process = fork();
#endif
  if (process == 0) become(launch, parent, &error, &reached);
  if (process < 0) error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  *handle = -1;
  if (error != 0) {
    if (process > 0) {
      while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {
      }
    }
    *step = reached;
    errno = error;
    return -1;
  }
#if defined(__linux__) && defined(SYS_pidfd_open)
  *handle = (int)syscall(SYS_pidfd_open, process, 0);
#endif
  return process;
}

int graphrun_wait(pid_t process, int handle, int milliseconds) {
  if (handle >= 0) {
    struct pollfd watched = {.fd = handle, .events = POLLIN};
    return poll(&watched, 1, milliseconds) > 0;
  }
  // Without a handle: look again and again, after ever longer breaks.
  for (double waited = 0, rest = 0.05;; rest = rest < 2 ? rest * 1.5 : rest) {
    siginfo_t ended = {0};
    if (waitid(P_PID, (id_t)process, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == process) return 1;
    if (waited >= milliseconds) return 0;
    struct timespec nap = {.tv_nsec = (long)(rest * 1e6)};
    nanosleep(&nap, NULL);
    waited += rest;
  }
}

int graphrun_reap(pid_t process, int handle, int *status, double *cpu_seconds) {
  struct rusage usage = {0};
  pid_t result;
  do result = wait4(process, status, 0, &usage);
  while (result < 0 && errno == EINTR);
  if (handle >= 0) close(handle);
  *cpu_seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  return result == process ? 0 : -1;
}

int graphrun_anonymous_file(void) {
#if defined(__linux__) && defined(SYS_memfd_create)
  return (int)syscall(SYS_memfd_create, "graphrun", 1u /* MFD_CLOEXEC */);
#else
  char name[] = "/tmp/graphrun-XXXXXX";
  int file = mkstemp(name);
  if (file >= 0) {
    unlink(name);
    fcntl(file, F_SETFD, FD_CLOEXEC);
  }
  return file;
#endif
}

int graphrun_pipe(int ends[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) != 0) return -1;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  return 0;
#endif
}
