/*
 * A disk that fails, for a process that is started with this library before the system's own
 * (LD_PRELOAD): it counts the calls that change files under DISK_HOME, SQLite's too, and can write down
 * each of them, kill the process at one, or refuse some. disk.ts builds it and reads what it writes.
 *
 *   DISK_TRACE=path         every change, in order; and what was told on stdout, to know what came before
 *   DISK_KILL_AT=17:before  as `kill -9` before the 17th change; `torn` after half of its bytes
 *   DISK_FAIL=sync:3:2      the 3rd and 4th fsync fail with EIO; or `write:…`, with EIO too
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_BYTES_MAX 1024

static const char *home;
static int trace = -1;
static long changes, kill_at, fail_from, fail_count, fails_seen;
static int torn, fail_kind;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("DISK_TRACE"), *at = getenv("DISK_KILL_AT"), *fail = getenv("DISK_FAIL");
  home = getenv("DISK_HOME");
  if (path) trace = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (at) kill_at = atol(at), torn = strstr(at, ":torn") != NULL;
  if (fail) {
    fail_kind = fail[0];
    fail_from = atol(strchr(fail, ':') + 1);
    fail_count = atol(strrchr(fail, ':') + 1);
  }
}

static int ours(const char *path) { return home && path && strncmp(path, home, strlen(home)) == 0; }

/* The path of an open file, or NULL when it is none of ours. */
static const char *path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = home ? readlink(link, path, PATH_BYTES_MAX - 1) : -1;
  if (length <= 0) return NULL;
  path[length] = 0;
  return ours(path) ? path : NULL;
}

static void note(char kind, long number, const char *path, const char *to, const void *data, size_t length) {
  if (trace < 0) return;
  char head[2 * PATH_BYTES_MAX + 64];
  int n = snprintf(head, sizeof head, "%c %ld %zu %s\t%s\n", kind, number, length, path, to);
  struct iovec parts[] = {{head, n}, {(void *)data, length}, {"\n", 1}};
  syscall(SYS_writev, trace, parts, 3);
}

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

/* Whether this change is the one to die at. One that is not torn dies here. */
static int dies(void) {
  if (++changes != kill_at) return 0;
  if (!torn) die();
  return 1;
}

static int fails(char kind) {
  if (kind != fail_kind) return 0;
  fails_seen++;
  return fails_seen >= fail_from && fails_seen < fail_from + fail_count;
}

static ssize_t put(int fd, const void *data, size_t length, long offset) {
  char path[PATH_BYTES_MAX];
  if (fd == 1) note('A', 0, "stdout", "", data, length);
  else if (path_of(fd, path)) {
    int last = dies();
    size_t kept = last ? length / 2 : length;
    if (fails('w')) return errno = EIO, -1;
    struct stat now;
    long at = offset >= 0 ? offset : fstat(fd, &now) == 0 && (fcntl(fd, F_GETFL) & O_APPEND) ? now.st_size
                                                                                            : lseek(fd, 0, SEEK_CUR);
    note('W', at, path, "", data, kept);
    if (last) {
      syscall(SYS_pwrite64, fd, data, kept, at);
      die();
    }
  }
  return offset >= 0 ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
}

ssize_t write(int fd, const void *data, size_t length) { return put(fd, data, length, -1); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { return put(fd, data, length, at); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return put(fd, data, length, at); }

static int sync_file(int fd, long call) {
  char path[PATH_BYTES_MAX];
  if (path_of(fd, path)) {
    dies();
    if (fails('s')) return errno = EIO, -1;
    note('S', 0, path, "", "", 0);
  }
  return syscall(call, fd);
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int ftruncate64(int fd, off64_t size) {
  char path[PATH_BYTES_MAX];
  if (path_of(fd, path)) dies(), note('T', size, path, "", "", 0);
  return syscall(SYS_ftruncate, fd, size);
}

static int open_file(int dir, const char *path, int flags, mode_t mode) {
  if (ours(path) && (flags & (O_CREAT | O_TRUNC))) {
    int there = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    if (!there && (flags & O_CREAT)) dies(), note('O', 0, path, "", "", 0);
    if (there && (flags & O_TRUNC)) dies(), note('T', 0, path, "", "", 0);
  }
  return syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE(flags)                                 \
  mode_t mode = 0;                                  \
  if ((flags) & (O_CREAT | O_TMPFILE)) {            \
    va_list rest;                                   \
    va_start(rest, flags);                          \
    mode = va_arg(rest, mode_t);                    \
    va_end(rest);                                   \
  }
int open(const char *path, int flags, ...) { MODE(flags) return open_file(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_file(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE(flags) return open_file(dir, path, flags, mode); }

int rename(const char *from, const char *to) {
  if (ours(from)) dies(), note('R', 0, from, to, "", 0);
  return syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int unlink(const char *path) {
  if (ours(path) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0) dies(), note('U', 0, path, "", "", 0);
  return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int remove(const char *path) {
  struct stat found;
  if (lstat(path, &found) != 0) return -1;
  return S_ISDIR(found.st_mode) ? syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR) : unlink(path);
}
