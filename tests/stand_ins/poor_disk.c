/* A folder as on a file system that can do little: loaded before a program, it fails what is named.
 *
 * POOR_DISK is the folder (absolute, without links), POOR_DISK_LACKS what it lacks and the errno that tells:
 *   modes=0|E      chmod fails (0: succeeds, and changes nothing); all may read and write everything
 *   links=E        symlinks=E     sockets=E      no hard links, symbolic links, sockets
 *   flock=E        locks=E        the two kinds of locks
 *   flushes=E      flushes of folders and files    folder_flushes=E   of folders alone
 *   open_target=E  nothing is renamed to what this process has open
 *   coarse=1       times have two seconds
 *   answers=1      whoever looks at something there waits for ever
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define LACKING(what, here) \
    do { int code_; if ((here) && lacks(what, &code_)) { errno = code_; return -1; } } while (0)

static int lacks(const char *what, int *code) {
    const char *at = getenv("POOR_DISK_LACKS");
    size_t length = strlen(what);
    while (at && *at) {
        if (!strncmp(at, what, length) && at[length] == '=') { *code = atoi(at + length + 1); return 1; }
        at = strchr(at, ',');
        if (at) at++;
    }
    return 0;
}

static int is_here(const char *path) {
    const char *folder = getenv("POOR_DISK");
    size_t length = folder ? strlen(folder) : 0;
    return length && path && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int name_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
    return length > 0;
}

static int is_fd_here(int fd) {
    char path[PATH_MAX];
    return name_of(fd, path) && is_here(path);
}

static int is_at_here(int folder, const char *path) {
    return path && *path == '/' ? is_here(path) : folder == AT_FDCWD ? 0 : is_fd_here(folder);
}

static int is_folder(int fd) {
    struct stat found;
    return !NEXT(fstat)(fd, &found) && S_ISDIR(found.st_mode);
}

static int seen(int answer, int here, struct stat64 *found) {
    int code;
    if (here && lacks("answers", &code)) pause();
    if (answer || !here) return answer;
    if (lacks("modes", &code) && !S_ISLNK(found->st_mode)) found->st_mode |= 0777;
    if (lacks("coarse", &code)) { found->st_mtim.tv_nsec = 0; found->st_mtim.tv_sec &= ~1L; }
    return 0;
}

int stat64(const char *path, struct stat64 *found) { return seen(NEXT(stat64)(path, found), is_here(path), found); }
int lstat64(const char *path, struct stat64 *found) { return seen(NEXT(lstat64)(path, found), is_here(path), found); }
int fstat64(int fd, struct stat64 *found) { return seen(NEXT(fstat64)(fd, found), is_fd_here(fd), found); }
int fstatat64(int folder, const char *path, struct stat64 *found, int flags) {
    return seen(NEXT(fstatat64)(folder, path, found, flags), is_at_here(folder, path), found);
}

static int changed(int here, int *answer) {
    int code;
    if (!here || !lacks("modes", &code)) return 0;
    *answer = code ? -1 : 0;
    errno = code;
    return 1;
}
int chmod(const char *path, mode_t mode) { int answer; return changed(is_here(path), &answer) ? answer : NEXT(chmod)(path, mode); }
int fchmod(int fd, mode_t mode) { int answer; return changed(is_fd_here(fd), &answer) ? answer : NEXT(fchmod)(fd, mode); }
int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    int answer;
    return changed(is_at_here(folder, path), &answer) ? answer : NEXT(fchmodat)(folder, path, mode, flags);
}

int link(const char *from, const char *to) { LACKING("links", is_here(to)); return NEXT(link)(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    LACKING("links", is_at_here(b, to));
    return NEXT(linkat)(a, from, b, to, flags);
}
int symlink(const char *from, const char *to) { LACKING("symlinks", is_here(to)); return NEXT(symlink)(from, to); }
int symlinkat(const char *from, int folder, const char *to) {
    LACKING("symlinks", is_at_here(folder, to));
    return NEXT(symlinkat)(from, folder, to);
}

int flock(int fd, int how) { LACKING("flock", is_fd_here(fd)); return NEXT(flock)(fd, how); }
int fcntl64(int fd, int what, ...) {
    va_list more;
    va_start(more, what);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (what == F_SETLK || what == F_SETLKW || what == F_OFD_SETLK || what == F_OFD_SETLKW)
        LACKING("locks", is_fd_here(fd));
    return NEXT(fcntl64)(fd, what, argument);
}

static int is_flushed(int fd) {
    LACKING("flushes", is_fd_here(fd));
    LACKING("folder_flushes", is_fd_here(fd) && is_folder(fd));
    return 0;
}
int fsync(int fd) { return is_flushed(fd) ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return is_flushed(fd) ? -1 : NEXT(fdatasync)(fd); }

int bind(int fd, const struct sockaddr *address, socklen_t length) {
    const struct sockaddr_un *local = (const struct sockaddr_un *)address;
    if (address->sa_family == AF_UNIX && length > offsetof(struct sockaddr_un, sun_path) && local->sun_path[0]) {
        char path[PATH_MAX] = "";
        int folder;
        if (sscanf(local->sun_path, "/proc/self/fd/%d/", &folder) == 1) name_of(folder, path);
        LACKING("sockets", is_here(*path ? path : local->sun_path));
    }
    return NEXT(bind)(fd, address, length);
}

static int is_open(const char *path) {
    DIR *all = opendir("/proc/self/fd");
    struct dirent *each;
    char name[PATH_MAX];
    int found = 0;
    while (all && !found && (each = readdir(all)))
        found = each->d_name[0] != '.' && name_of(atoi(each->d_name), name) && !strcmp(name, path);
    if (all) closedir(all);
    return found;
}
int rename(const char *from, const char *to) {
    LACKING("open_target", is_here(to) && is_open(to));
    return NEXT(rename)(from, to);
}
