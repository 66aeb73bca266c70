/* What some versions of Rust's standard library need and glibc has only from 2.16. Hidden, so no other library sees it. */

#include <fcntl.h>
#include <unistd.h>

/* Weak, since the static library has it, too. */
__attribute__((weak)) unsigned long getauxval(unsigned long type)
{
    unsigned long pair[2], value = 0;
    int fd = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    while (read(fd, pair, sizeof pair) == (ssize_t)sizeof pair && pair[0] != 0) {
        if (pair[0] == type) {
            value = pair[1];
            break;
        }
    }
    close(fd);
    return value;
}
