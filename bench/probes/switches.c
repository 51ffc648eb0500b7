// switches RATE SECONDS futex|pipe: pairs of threads that wake each other, RATE switches a second in all, in futex
// as threads of a JVM do, or in read(2) of a pipe, of which a probe that takes stacks takes one each time.
//
// Prints what it made: seconds, switches, and CPU seconds of the process with what the kernel did for it.
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 4

static double rate, seconds, start;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int by_pipe;

// One way of a pair: a pipe, or a counter of what was sent.
struct way { int pipe[2]; unsigned sent, taken; };
struct pair { struct way there, back; };

static int send(struct way *way)
{
	char byte = 0;
	if (by_pipe)
		return write(way->pipe[1], &byte, 1) == 1;
	__atomic_add_fetch(&way->sent, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &way->sent, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return 1;
}

static int take(struct way *way)
{
	char byte;
	if (by_pipe)
		return read(way->pipe[0], &byte, 1) == 1;
	while (__atomic_load_n(&way->sent, __ATOMIC_SEQ_CST) == way->taken)
		syscall(SYS_futex, &way->sent, FUTEX_WAIT_PRIVATE, way->taken, NULL, NULL, 0);
	way->taken++;
	return 1;
}

static void *answer(void *argument)
{
	struct pair *pair = argument;
	while (now() < start + seconds + 1 && take(&pair->there) && send(&pair->back))
		;
	return NULL;
}

static void *ask(void *argument)
{
	struct pair *pair = argument;
	// A round is two switches, and the sleep that keeps the rate one for each ten rounds.
	double step = 21.0 * PAIRS / rate, next = start;
	while (next < start + seconds) {
		for (int round = 0; round < 10; round++)
			if (!send(&pair->there) || !take(&pair->back))
				return NULL;
		next += step;
		double rest = next - now();
		if (rest > 0) {
			struct timespec sleep = { 0, rest * 1e9 };
			nanosleep(&sleep, NULL);
		}
	}
	return NULL;
}

int main(int count, char **arguments)
{
	if (count < 4)
		return 2;
	by_pipe = strcmp(arguments[3], "pipe") == 0;
	rate = atof(arguments[1]);
	seconds = atof(arguments[2]);
	static struct pair pairs[PAIRS];
	pthread_t threads[2 * PAIRS];
	start = now();
	for (int i = 0; i < PAIRS; i++) {
		if (pipe(pairs[i].there.pipe) || pipe(pairs[i].back.pipe))
			return 1;
		pthread_create(&threads[2 * i], NULL, answer, &pairs[i]);
		pthread_create(&threads[2 * i + 1], NULL, ask, &pairs[i]);
	}
	// Those that answer wait for more, which the end of the process ends.
	for (int i = 0; i < PAIRS; i++)
		pthread_join(threads[2 * i + 1], NULL);
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("%.3f %ld %.3f\n", now() - start, usage.ru_nvcsw + usage.ru_nivcsw,
		usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	return 0;
}
