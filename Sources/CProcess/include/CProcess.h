#ifndef GRAPHRUN_CPROCESS_H
#define GRAPHRUN_CPROCESS_H

#include <stdint.h>
#include <sys/types.h>

/// What a new process is to be.
typedef struct {
  /// The program's file; relative to `folder` unless absolute.
  const char *path;
  char *const *arguments;
  char *const *environment;
  /// Its working folder.
  const char *folder;
  /// Descriptors it gets as its 0, 1, 2, …; each at least `file_count`. It gets no others.
  const int *files;
  int file_count;
  /// Whether the kernel kills it when the thread that started it ends.
  int dies_with_parent;
} graphrun_launch;

/// What kept a process from starting.
enum { GRAPHRUN_NO_PROCESS = 1, GRAPHRUN_NO_FOLDER = 2, GRAPHRUN_NO_PROGRAM = 3 };

/// Starts a program in a session, hence a process group, of its own, with every signal at its default.
///
/// The child shares this process's memory until it has become the program (vfork), so starting costs the same however
/// large this process is; nothing is allocated in between.
/// Returns the process id; or -1 with `errno` set, and in `step` which of the above it was.
/// `handle` gets a descriptor that becomes readable when the process ends, or -1 where the system has none.
pid_t graphrun_spawn(const graphrun_launch *launch, int *handle, int *step);

/// Waits until the process has ended, at most so many milliseconds. Returns 1 if it has. Does not reap it.
int graphrun_wait(pid_t process, int handle, int milliseconds);

/// Collects a process that has ended, and closes its handle: its wait status and its tree's processor time.
int graphrun_reap(pid_t process, int handle, int *status, double *cpu_seconds);

/// A file without a name, or -1.
int graphrun_anonymous_file(void);

/// A pipe's reading and writing end, which no other program gets. Returns 0, or -1 and sets errno.
int graphrun_pipe(int ends[2]);

#endif
