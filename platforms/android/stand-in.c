/* For trials on Linux: what differs in Android's C library, before glibc, so that an Android library runs. LD_PRELOAD it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int *__errno(void)
{
    return __errno_location();
}

int __system_property_get(const char *name, char *value)
{
    (void)name;
    value[0] = 0;
    return 0;
}

/* The same name, another function: Android has the one of POSIX. */
int __xpg_strerror_r(int error, char *buffer, size_t size);
int android_strerror_r(int error, char *buffer, size_t size) __asm__("strerror_r");
int android_strerror_r(int error, char *buffer, size_t size)
{
    return __xpg_strerror_r(error, buffer, size);
}

/* Other numbers for the same things. */
long sysconf(int name)
{
    switch (name) {
    case 0x27:
    case 0x28:
        return NEXT(sysconf)(_SC_PAGESIZE);
    case 0x60:
        return NEXT(sysconf)(_SC_NPROCESSORS_CONF);
    case 0x61:
        return NEXT(sysconf)(_SC_NPROCESSORS_ONLN);
    default:
        errno = EINVAL;
        return -1;
    }
}

/* Android's attributes are smaller than glibc's on all but x86-64: only the size of the stack is kept in them. */
int pthread_attr_init(pthread_attr_t *attributes)
{
    *(size_t *)attributes = 0;
    return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t size)
{
    *(size_t *)attributes = size;
    return 0;
}

int pthread_attr_destroy(pthread_attr_t *attributes)
{
    (void)attributes;
    return 0;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    pthread_attr_t real;
    int error = NEXT(pthread_attr_init)(&real);
    if (error == 0 && attributes && *(const size_t *)attributes != 0)
        error = NEXT(pthread_attr_setstacksize)(&real, *(const size_t *)attributes);
    if (error == 0) error = NEXT(pthread_create)(thread, &real, run, context);
    NEXT(pthread_attr_destroy)(&real);
    return error;
}

/* The name comes before the address in Android's results. */
struct android_addrinfo {
    int flags, family, socktype, protocol;
    socklen_t addrlen;
    char *canonname;
    struct sockaddr *addr;
    struct android_addrinfo *next;
};

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    struct addrinfo *found;
    struct android_addrinfo *first = NULL, **last = &first;
    int error = NEXT(getaddrinfo)(node, service, hints, &found);
    if (error != 0) return error;
    for (struct addrinfo *each = found; each; each = each->ai_next) {
        struct android_addrinfo *copy = calloc(1, sizeof *copy + each->ai_addrlen);
        copy->flags = each->ai_flags;
        copy->family = each->ai_family;
        copy->socktype = each->ai_socktype;
        copy->protocol = each->ai_protocol;
        copy->addrlen = each->ai_addrlen;
        copy->addr = memcpy(copy + 1, each->ai_addr, each->ai_addrlen);
        *last = copy;
        last = &copy->next;
    }
    NEXT(freeaddrinfo)(found);
    *result = (struct addrinfo *)first;
    return 0;
}

void freeaddrinfo(struct addrinfo *result)
{
    struct android_addrinfo *each = (struct android_addrinfo *)result;
    while (each) {
        struct android_addrinfo *next = each->next;
        free(each);
        each = next;
    }
}

#ifdef __arm__
/* Where the unwinder's table of a place in code is. */
struct search {
    unsigned long pc, table;
    int count;
};

static int look_into(struct dl_phdr_info *info, size_t size, void *context)
{
    struct search *search = context;
    int is_inside = 0;
    (void)size;
    search->table = 0;
    search->count = 0;
    for (int at = 0; at < info->dlpi_phnum; at++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[at];
        unsigned long begin = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && search->pc - begin < segment->p_memsz) is_inside = 1;
        if (segment->p_type == PT_ARM_EXIDX) {
            search->table = begin;
            search->count = (int)(segment->p_memsz / 8);
        }
    }
    return is_inside;
}

unsigned long dl_unwind_find_exidx(unsigned long pc, int *count)
{
    struct search search = {pc, 0, 0};
    if (!dl_iterate_phdr(look_into, &search)) return 0;
    *count = search.count;
    return search.table;
}
#endif
