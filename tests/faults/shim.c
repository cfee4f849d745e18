/* Faults at chosen system calls, preloaded into the program under test (LD_PRELOAD).
 *
 * Calls that concern a file below $SHIM_ROOT are counted, all threads together, from 1. The engine's
 * own info log (a file named LOG) is left out: it promises nothing and its errors are ignored.
 *
 *   SHIM_CALLS=c,c,…   which calls count, of: write sync open rename link unlink mkdir truncate read
 *   SHIM_AT=N          the call at which it happens; without it calls are only counted
 *   SHIM_DO=what       kill   the process ends before the call
 *                      torn   half of what would be written is written, then the process ends
 *                      stop   the process stops before the call, for a power cut
 *                      errno  the call fails with $SHIM_ERRNO; with SHIM_STICKY=1 all later ones too
 *                      short  half of what was asked for is read or written
 *   SHIM_LOG=FILE      one line for each counted call, with what it was done to; `FAULT` marks
 *                      the call at which it happened, which proves that it did
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOM = PATH_MAX * 2 + 256 };

static char root[PATH_MAX], calls[256], action[16];
static int error_number, sticky, log_fd = -1;
static long at;
static atomic_long counter;

__attribute__((constructor)) static void start(void) {
    const char *text;
    if ((text = getenv("SHIM_ROOT"))) strncpy(root, text, sizeof root - 1);
    if ((text = getenv("SHIM_CALLS"))) snprintf(calls, sizeof calls, ",%s,", text);
    if ((text = getenv("SHIM_DO"))) strncpy(action, text, sizeof action - 1);
    if ((text = getenv("SHIM_AT"))) at = atol(text);
    if ((text = getenv("SHIM_ERRNO"))) error_number = atoi(text);
    if ((text = getenv("SHIM_STICKY"))) sticky = atoi(text);
    if ((text = getenv("SHIM_LOG")))
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int below_root(const char *path) {
    size_t len = strlen(root);
    if (!len || strncmp(path, root, len) || (path[len] != '/' && path[len] != 0)) return 0;
    const char *name = strrchr(path, '/');
    return !name || (strcmp(name + 1, "LOG") && strncmp(name + 1, "LOG.old", 7));
}

static const char *of_fd(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, out, PATH_MAX - 1);
    if (len < 0) return NULL;
    out[len] = 0;
    return out;
}

/* A path as the kernel would see it, without resolving its last part. */
static const char *of_path(int dir, const char *path, char *out) {
    if (path[0] == '/') return path;
    char base[PATH_MAX];
    if (dir == AT_FDCWD) {
        if (syscall(SYS_getcwd, base, sizeof base) < 0) return path;
    } else if (!of_fd(dir, base)) {
        return path;
    }
    while (path[0] == '.' && path[1] == '/') path += 2;
    if (snprintf(out, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return path;
    return out;
}

static void say(const char *line) {
    if (log_fd >= 0) syscall(SYS_write, log_fd, line, strlen(line));
}

/* Counts a call. Negative: it has to fail with errno. 0: go on. 1: do half of it. 2: do half, then
 * end. */
static int meet(const char *kind, const char *call, const char *path, const char *other) {
    if (!path || !(below_root(path) || (other && below_root(other)))) return 0;
    char pattern[32];
    snprintf(pattern, sizeof pattern, ",%s,", kind);
    if (!strstr(calls, pattern)) return 0;
    long number = atomic_fetch_add(&counter, 1) + 1;
    int now = at && (number == at || (sticky && number > at));
    if (log_fd >= 0) {
        char line[ROOM];
        snprintf(line, sizeof line, "%ld\t%s\t%s\t%s%s\n", number, call, path, other ? other : "",
                 now ? "\tFAULT" : "");
        say(line);
    }
    if (!now) return 0;
    /* What cannot be done by half is not done. */
    if (!strcmp(action, "kill") || (!strcmp(action, "torn") && strcmp(kind, "write"))) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) pause();
    }
    if (!strcmp(action, "stop")) {
        syscall(SYS_kill, getpid(), SIGSTOP);
        for (;;) pause();
    }
    if (!strcmp(action, "errno")) {
        errno = error_number;
        return -1;
    }
    if (!strcmp(action, "short")) return 1;
    if (!strcmp(action, "torn")) return 2;
    return 0;
}

static ssize_t halved(int how, ssize_t done) {
    if (how == 2) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) pause();
    }
    return done;
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define MEET_FD(kind) \
    char path_[PATH_MAX]; \
    int how = meet(kind, __func__, of_fd(fd, path_), NULL); \
    if (how < 0) return -1

ssize_t write(int fd, const void *bytes, size_t len) {
    MEET_FD("write");
    if (how) return halved(how, syscall(SYS_write, fd, bytes, len > 1 ? len / 2 : len));
    return syscall(SYS_write, fd, bytes, len);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    MEET_FD("write");
    return halved(how, syscall(SYS_writev, fd, parts, how && count > 1 ? count / 2 : count));
}
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset) {
    MEET_FD("write");
    return halved(how, syscall(SYS_pwrite64, fd, bytes, how && len > 1 ? len / 2 : len, offset));
}
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset) { return pwrite64(fd, bytes, len, offset); }
int fsync(int fd) {
    MEET_FD("sync");
    return (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
    MEET_FD("sync");
    return (int)syscall(SYS_fdatasync, fd);
}
int ftruncate64(int fd, off64_t len) {
    MEET_FD("truncate");
    return (int)syscall(SYS_ftruncate, fd, len);
}
int ftruncate(int fd, off_t len) { return ftruncate64(fd, len); }
int fallocate64(int fd, int mode, off64_t offset, off64_t len) {
    MEET_FD("truncate");
    return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}
int fallocate(int fd, int mode, off_t offset, off_t len) { return fallocate64(fd, mode, offset, len); }

ssize_t read(int fd, void *bytes, size_t len) {
    MEET_FD("read");
    return syscall(SYS_read, fd, bytes, how && len > 1 ? len / 2 : len);
}
ssize_t pread64(int fd, void *bytes, size_t len, off64_t offset) {
    MEET_FD("read");
    return syscall(SYS_pread64, fd, bytes, how && len > 1 ? len / 2 : len, offset);
}
ssize_t pread(int fd, void *bytes, size_t len, off_t offset) { return pread64(fd, bytes, len, offset); }
#undef fread_unlocked
/* The engine reads whole files (CURRENT, MANIFEST, the write-ahead log) through streams. */
size_t fread_unlocked(void *bytes, size_t size, size_t count, FILE *stream) {
    REAL(fread_unlocked);
    char path[PATH_MAX];
    int how = meet("read", "fread", of_fd(fileno(stream), path), NULL);
    if (how < 0) {
        stream->_flags |= 0x20; /* glibc's mark of a failed read: what ferror() tests */
        return 0;
    }
    return real(bytes, size, count, stream);
}

int open64(const char *name, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
    va_end(list);
    char path[PATH_MAX];
    const char *call = flags & O_CREAT ? "create" : flags & O_ACCMODE ? "open-write" : "open";
    if (meet("open", call, of_path(AT_FDCWD, name, path), NULL) < 0) return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}
int open(const char *name, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
    va_end(list);
    return open64(name, flags, mode);
}
int openat64(int dir, const char *name, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
    va_end(list);
    char path[PATH_MAX];
    const char *call = flags & O_CREAT ? "create" : flags & O_ACCMODE ? "open-write" : "open";
    if (meet("open", call, of_path(dir, name, path), NULL) < 0) return -1;
    return (int)syscall(SYS_openat, dir, name, flags, mode);
}
int openat(int dir, const char *name, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
    va_end(list);
    return openat64(dir, name, flags, mode);
}

DIR *opendir(const char *name) {
    REAL(opendir);
    char path[PATH_MAX];
    if (meet("open", "opendir", of_path(AT_FDCWD, name, path), NULL) < 0) return NULL;
    return real(name);
}

int rename(const char *from, const char *to) {
    char a[PATH_MAX], b[PATH_MAX];
    if (meet("rename", "rename", of_path(AT_FDCWD, from, a), of_path(AT_FDCWD, to, b)) < 0) return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int link(const char *from, const char *to) {
    char a[PATH_MAX], b[PATH_MAX];
    if (meet("link", "link", of_path(AT_FDCWD, from, a), of_path(AT_FDCWD, to, b)) < 0) return -1;
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    char a[PATH_MAX], b[PATH_MAX];
    if (meet("link", "link", of_path(from_dir, from, a), of_path(to_dir, to, b)) < 0) return -1;
    return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}
int unlink(const char *name) {
    char a[PATH_MAX];
    if (meet("unlink", "unlink", of_path(AT_FDCWD, name, a), NULL) < 0) return -1;
    return (int)syscall(SYS_unlinkat, AT_FDCWD, name, 0);
}
int unlinkat(int dir, const char *name, int flags) {
    char a[PATH_MAX];
    if (meet("unlink", "unlink", of_path(dir, name, a), NULL) < 0) return -1;
    return (int)syscall(SYS_unlinkat, dir, name, flags);
}
int rmdir(const char *name) {
    char a[PATH_MAX];
    if (meet("unlink", "rmdir", of_path(AT_FDCWD, name, a), NULL) < 0) return -1;
    return (int)syscall(SYS_unlinkat, AT_FDCWD, name, AT_REMOVEDIR);
}
int mkdir(const char *name, mode_t mode) {
    char a[PATH_MAX];
    if (meet("mkdir", "mkdir", of_path(AT_FDCWD, name, a), NULL) < 0) return -1;
    return (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
}

/* `shim cut DIR`: from here on nothing reaches the device below the file system of DIR. The caller
 * has made sure that it is a scratch file system of its own. */
#ifdef CUT
#include <sys/ioctl.h>
int main(int count, char **words) {
    if (count != 2) return 2;
    unsigned how = 2; /* drop dirty pages, do not flush the journal */
    int fd = (int)syscall(SYS_openat, AT_FDCWD, words[1], O_RDONLY, 0);
    if (fd < 0 || ioctl(fd, _IOR('X', 125, unsigned), &how) < 0) {
        perror(words[1]);
        return 1;
    }
    return 0;
}
#endif
