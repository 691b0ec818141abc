// Native threads for native_test.py and changing_test.py: each waits for ever in one system call
// and counts how often it came back, or spins, or starts and ends other threads all the time.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { kLong = 3600, kWaits = 6, kThreadsAtOnce = 10 };

struct Waiting {
  int tid;
  atomic_int interrupted;  // EINTR
  atomic_int returned;     // any other way, all of them too early
};
struct Waiting waiting[kWaits];

static const struct timespec long_time = {kLong, 0};

static long wait_in_epoll(void) {
  static int poller = -1;
  if (poller < 0) poller = epoll_create1(0);
  struct epoll_event event;
  return epoll_wait(poller, &event, 1, kLong * 1000);
}

static long wait_for_signal(void) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &wanted, NULL);
  return sigtimedwait(&wanted, NULL, &long_time);
}

static long wait_in_recv(void) {
  static int pair[2] = {-1, -1};
  if (pair[0] < 0) {
    const struct timeval limit = {kLong, 0};
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  char byte;
  return recv(pair[0], &byte, 1, 0);
}

static long wait_in_poll(void) {
  return poll(NULL, 0, kLong * 1000);
}

static long sleep_long(void) {
  return nanosleep(&long_time, NULL);
}

static long wait_on_futex(void) {
  static int word = 0;
  return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &long_time, NULL, 0);
}

// In the order of WAITS in native_test.py.
static long (*const waits[kWaits])(void) = {wait_in_epoll, wait_for_signal, wait_in_recv,
                                            wait_in_poll,  sleep_long,      wait_on_futex};

static void* wait_again_and_again(void* which) {
  struct Waiting* mine = which;
  mine->tid = gettid();
  for (;;) {
    const long result = waits[mine - waiting]();
    atomic_fetch_add(result < 0 && errno == EINTR ? &mine->interrupted : &mine->returned, 1);
  }
}

int start_waiters(void) {
  pthread_t unused;
  for (int i = 0; i < kWaits; ++i) {
    if (pthread_create(&unused, NULL, wait_again_and_again, &waiting[i]) != 0) return -1;
  }
  return 0;
}

// Never leaves the CPU by itself, so its run counter need not move.
void spin(void) {
  for (volatile long turns = 0;; ++turns) {
  }
}

static void* end_at_once(void* unused) {
  return unused;
}

atomic_long ended;

// Starts and ends ten threads at once, for as long as the process lives, and counts them. Stacks so
// small are kept and used again.
void churn(void) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
  for (;;) {
    pthread_t threads[kThreadsAtOnce];
    int made = 0;
    while (made < kThreadsAtOnce && pthread_create(&threads[made], &small, end_at_once, NULL) == 0)
      ++made;
    for (int i = 0; i < made; ++i) pthread_join(threads[i], NULL);
    atomic_fetch_add(&ended, made);
  }
}
