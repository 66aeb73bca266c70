/* What Rust's standard library needs and Android has only above API level 16 on 32 bits. Hidden, so no other library sees them. */

#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>

struct dl_phdr_info;

int epoll_create(int size);
void *memalign(size_t alignment, size_t size);
long syscall(long number, ...);

/* API level 17: not all devices with 16 have it. */
int posix_memalign(void **memory, size_t alignment, size_t size)
{
    const int no_memory = 12;
    *memory = memalign(alignment, size);
    return *memory ? 0 : no_memory;
}

/* API level 21. Between the two calls another thread could fork: the descriptor would be inherited, and that is all. */
int epoll_create1(int flags)
{
    int fd = epoll_create(1);
    if (fd >= 0 && flags != 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* API level 21; the kernels of API level 16 have it. */
int recvmmsg(int fd, void *messages, unsigned count, int flags, void *timeout)
{
#ifdef __arm__
    const long number = 365;
#else
    const long number = 337;
#endif
    return (int)syscall(number, fd, messages, count, flags, timeout);
}

#ifdef __arm__
/* API level 21. Only backtraces ask; without it they have addresses and no names. */
int dl_iterate_phdr(int (*each)(struct dl_phdr_info *, size_t, void *), void *context)
{
    typedef int function(int (*)(struct dl_phdr_info *, size_t, void *), void *);
    /* bionic's RTLD_DEFAULT on 32 bits. */
    function *real = (function *)dlsym((void *)-1, "dl_iterate_phdr");
    return real ? real(each, context) : 0;
}
#endif
