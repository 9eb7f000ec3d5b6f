package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// patience is how long a process may take to start.
const patience = 15 * time.Second

// ticksPerSecond is the unit of CPU time in /proc, the same on all Linux machines
// that Go runs on (proc(5), USER_HZ).
const ticksPerSecond = 100

// process is a child that lives as long as its measurement.
type process struct {
	pid int
	cmd *exec.Cmd
	log *os.File
}

// startProcess starts cmd; what it says goes to a file in dir.
func startProcess(dir string, cmd *exec.Cmd) (*process, error) {
	log, err := os.CreateTemp(dir, filepath.Base(cmd.Path)+"-*.log")
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return &process{cmd.Process.Pid, cmd, log}, nil
}

// stop kills the process and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.log.Close()
}

// waitUntil asks ready again and again until it says yes.
func (p *process) waitUntil(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !ready(ctx) {
		select {
		case <-again.C:
		case <-ctx.Done():
			said, _ := os.ReadFile(p.log.Name())
			return fmt.Errorf("%s does not get ready:\n%s", p.cmd.Path, said)
		}
	}
	return nil
}

// cpu is the user and system time that the process has used.
func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return 0, fmt.Errorf("reading CPU time: %w", err)
	}
	// The name in parentheses may hold anything; the times are 12th and 13th after it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// rss is the memory that the process holds, in KiB.
func (p *process) rss() (int, error) { return p.memory("VmRSS:") }

// peakRSS is the most that it ever held, in KiB.
func (p *process) peakRSS() (int, error) { return p.memory("VmHWM:") }

func (p *process) memory(line string) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0, fmt.Errorf("reading memory: %w", err)
	}
	_, rest, _ := strings.Cut(string(status), line)
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		return 0, fmt.Errorf("reading memory: %w", err)
	}
	return n, nil
}

// settledRSS is the memory once it has not changed by more than 1 % for two
// seconds, or after ten.
func (p *process) settledRSS(ctx context.Context) (int, error) {
	const calm, longest = 8, 40 // quarters of a second
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	base, since := 0, 0
	for range longest {
		n, err := p.rss()
		if err != nil {
			return 0, err
		}
		if diff := n - base; diff*100 > base || -diff*100 > base {
			base, since = n, 0
		}
		if since++; since > calm {
			return n, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return base, nil
}

// freeAddress is an address of loopback that nobody listened on a moment ago.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
