/* What this process has used. */
#ifndef CTL_CPU_H
#define CTL_CPU_H

#include <math.h>
#include <sys/resource.h>

/* User and system time of all threads so far, seconds to the millisecond. */
static inline double cpu_seconds(void)
{
    struct rusage usage;
    double seconds;

    getrusage(RUSAGE_SELF, &usage);
    seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return round(seconds * 1000) / 1000;
}

#endif
