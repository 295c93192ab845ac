/* NNG answers every operation on its "task" threads, two for each processor and sixteen at most. */
#ifndef WIRE_TASK_THREADS_H
#define WIRE_TASK_THREADS_H

/* Leaves one of them to work and has the others wait for good. What they do for a wire takes microseconds, a TLS handshake a fraction of
 * a millisecond, and never waits for one another; and whoever wakes one of several pays for it: with two or more waiting in turns,
 * pthread_cond_signal of glibc before 2.41 itself sleeps until the one woken before has run (the change of groups in
 * nptl/pthread_cond_common.c), with NNG's lock held, which every other thread then wants. Between three loaded brokers on two processors
 * that cost each hop about half a millisecond.
 *
 * For a process that uses NNG for nothing else. NNG must have been started. Does its work once; any thread. Without /proc it does
 * nothing. */
void task_threads_park(void);

#endif
