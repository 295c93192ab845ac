/* A disk that fails on request: stands in front of the C library's pwrite and fdatasync for the whole test program. */
#ifndef TEST_STORE_DISK_FAULTS_H
#define TEST_STORE_DISK_FAULTS_H

#include <stdatomic.h>

struct disk_faults {
    _Atomic int meta_write_errno;  /* the next write through a descriptor opened with O_DSYNC fails like this, once */
    _Atomic int data_write_errno;  /* so does the next other write of a page or more */
    _Atomic int short_write;       /* the next other write of more than a page stops in the middle, once */
    _Atomic int sync_errno;        /* the next fdatasync fails like this, once */
    _Atomic unsigned syncs;        /* fdatasync calls and O_DSYNC writes so far */
};

extern struct disk_faults disk_faults;

#endif
