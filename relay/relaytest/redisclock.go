package relaytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// RestartWithClock is [Redis.Restart] with the time of day of a clock. What the server has
// must be on disk. The test is skipped where there is no C compiler.
func (r *Redis) RestartWithClock(c *Clock) {
	r.t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		r.t.Skip("no cc: Redis can be given no other clock")
	}
	library, err := buildRedisClock(compiler, r.t.TempDir())
	if err != nil {
		r.t.Fatal(err)
	}
	command := r.command
	r.command = func(program string, args ...string) *exec.Cmd {
		cmd := command(program, args...)
		cmd.Env = append(cmd.Environ(), "LD_PRELOAD="+library, clockVariable+"="+c.path)
		return cmd
	}
	r.Restart()
}

// buildRedisClock builds what takes the place of the C library's clock.
func buildRedisClock(compiler, dir string) (library string, err error) {
	source := filepath.Join(dir, "clock.c")
	if err := os.WriteFile(source, []byte(redisClockSource), 0o600); err != nil {
		return "", fmt.Errorf("building a clock for Redis: %w", err)
	}
	library = filepath.Join(dir, "clock.so")
	if output, err := exec.Command(compiler, "-shared", "-fPIC", "-O1", "-o", library, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building a clock for Redis: %w\n%s", err, output)
	}
	return library, nil
}

// redisClockSource is the clock. The one that only ever goes on is the machine's.
const redisClockSource = `
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *off; /* ns */

__attribute__((constructor)) static void map(void) {
	const char *path = getenv("` + clockVariable + `");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page = file < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
	if (page == MAP_FAILED) abort();
	off = page;
}

int clock_gettime(clockid_t id, struct timespec *t) {
	int failed = syscall(SYS_clock_gettime, id, t);
	if (failed || !off || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return failed;
	int64_t now = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + *off;
	t->tv_sec = now / 1000000000;
	t->tv_nsec = now % 1000000000;
	return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
	struct timespec now;
	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out) {
	struct timespec now;
	if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
	if (out) *out = now.tv_sec;
	return now.tv_sec;
}
`
