// A program that does what its standard input says, a line at a time, and answers each line when it is done.
// It allocates nothing by itself: it can be counted to the byte.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char *block[64];

#ifdef OWN_MALLOC
// An allocator of the program's own, as jemalloc would be: it maps, and never gives back.
void *malloc(size_t bytes) {
    static char *rest, *end;
    bytes = (bytes + 15) / 16 * 16;
    if (rest == 0 || (size_t)(end - rest) < bytes) {
        size_t room = bytes + (1 << 20);
        rest = mmap(0, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        end = rest + room;
    }
    rest += bytes;
    return rest - bytes;
}
void *calloc(size_t count, size_t bytes) { return malloc(count * bytes); }
void *realloc(void *old, size_t bytes) { (void)old; return malloc(bytes); }
void free(void *old) { (void)old; }
size_t malloc_usable_size(void *old) { (void)old; return 0; }
#endif

static void say(const char *text) {
    if (write(1, text, strlen(text)) < 0) _exit(9);
}

static void answer(size_t number) {
    char line[64];
    int length = snprintf(line, sizeof line, "ok %zu\n", number);
    if (write(1, line, length) < 0) _exit(9);
}

static int line(char *text, int most) {
    int length = 0;
    while (length < most - 1 && read(0, text + length, 1) == 1) {
        if (text[length] == '\n') {
            text[length] = 0;
            return 1;
        }
        length++;
    }
    return 0;
}

static void *work(void *bytes) {
    void *kept = malloc((size_t)bytes);
    free(malloc(2 * (size_t)bytes));
    return kept;
}

// Threads that allocate and free without an end, between 'g' and 's'.
static pthread_t busy[8];
static volatile int phase;

static void *churn(void *bytes) {
    while (phase == 0) usleep(1000);
    while (phase == 1) free(malloc((size_t)bytes));
    while (phase == 2) usleep(1000);
    return 0;
}

int main(int count, char **arguments) {
    char text[128];
    if (count > 1) say("ok 0\n");
    while (line(text, sizeof text)) {
        char what = 0;
        size_t i = 0, a = 0, b = 0;
        sscanf(text, "%c %zu %zu %zu", &what, &i, &a, &b);
        if (what == 'm') answer(malloc_usable_size(block[i] = malloc(a)));
        else if (what == 'c') answer(malloc_usable_size(block[i] = calloc(1, a)));
        else if (what == 'r') answer(malloc_usable_size(block[i] = realloc(block[i], a)));
        else if (what == 'a') answer(malloc_usable_size(block[i] = aligned_alloc(4096, a)));
        else if (what == 'w') { memset(block[i], 1, a); answer(0); }
        else if (what == 'f') { free(block[i]); answer(0); }
        else if (what == 'M') {
            block[i] = mmap(0, a, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            madvise(block[i], a, MADV_NOHUGEPAGE);
            memset(block[i], 1, b);
            answer(0);
        }
        else if (what == 'U') { munmap(block[i] + a, b); answer(0); }
        else if (what == 'D') { madvise(block[i] + a, b, MADV_DONTNEED); answer(0); }
        else if (what == 'T') {
            pthread_t thread;
            void *kept = 0;
            pthread_create(&thread, 0, work, (void *)a);
            pthread_join(thread, &kept);
            answer(malloc_usable_size(block[i] = kept));
        }
        else if (what == 'B') {
            phase = 0;
            for (size_t thread = 0; thread < i; thread++) pthread_create(&busy[thread], 0, churn, (void *)a);
            answer(0);
        }
        else if (what == 'g') { phase = 1; answer(0); }
        else if (what == 's') { phase = 2; usleep(20000); answer(0); }
        // From now on a forked child does what is said, until it ends; 1 where it was killed.
        else if (what == 'F') {
            pid_t child = fork();
            if (child == 0) answer(0);
            else {
                int status = 0;
                waitpid(child, &status, 0);
                answer(WIFSIGNALED(status));
            }
        }
        // The same with a child that runs this program anew.
        else if (what == 'E') {
            pid_t child = fork();
            if (child == 0) {
                execl(arguments[0], arguments[0], "again", (char *)0);
                _exit(9);
            }
            waitpid(child, 0, 0);
            answer(0);
        }
        else if (what == 'X') execl(arguments[0], arguments[0], "again", (char *)0);
        else if (what == 'x') _exit(0);
        else if (what == 'e') exit(0);
        else if (what == 'A') abort();
        else if (what == 'K') raise(SIGKILL);
        else return 1;
    }
    return 0;
}
