/* Read before each source of LLVM's libunwind, which is compiled here for Android without its headers. */

#include <pthread.h>
#include <stdio.h>

/* A symbol only from API level 23. What it would print goes before an abort. */
#undef stderr
#define stderr ((FILE *)0)
#define fprintf(...) ((void)0)
#define fflush(...) ((void)0)

/* bionic's lock on 32 bits is 40 bytes; that of the headers used here is 32. All zeros is unlocked in both. */
typedef union {
    pthread_rwlock_t inner;
    char size[64];
} rtm_rwlock;

#define pthread_rwlock_t rtm_rwlock
#undef PTHREAD_RWLOCK_INITIALIZER
#define PTHREAD_RWLOCK_INITIALIZER {}
#define pthread_rwlock_rdlock(lock) (pthread_rwlock_rdlock)(&(lock)->inner)
#define pthread_rwlock_wrlock(lock) (pthread_rwlock_wrlock)(&(lock)->inner)
#define pthread_rwlock_unlock(lock) (pthread_rwlock_unlock)(&(lock)->inner)

/* What bionic declares in headers that are not used here. */
#ifdef __arm__
typedef unsigned long _Unwind_Ptr;
#ifdef __cplusplus
extern "C"
#endif
    _Unwind_Ptr
    dl_unwind_find_exidx(_Unwind_Ptr pc, int *count);
#endif
