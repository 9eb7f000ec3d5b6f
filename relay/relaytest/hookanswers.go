package relaytest

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"time"
)

// HookAnswer answers a webhook, or does not. gone is closed when the backend goes down.
type HookAnswer func(w http.ResponseWriter, gone <-chan struct{})

// HookStatus answers a status, with a body that nobody is to read.
func HookStatus(status int) HookAnswer {
	return func(w http.ResponseWriter, _ <-chan struct{}) {
		w.WriteHeader(status)
		if status != http.StatusNoContent {
			_, _ = w.Write([]byte("no JSON")) // who called may have gone
		}
	}
}

// HookSlow answers a status after a while.
func HookSlow(after time.Duration, status int) HookAnswer {
	return func(w http.ResponseWriter, gone <-chan struct{}) {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			HookStatus(status)(w, gone)
		case <-gone:
			panic(http.ErrAbortHandler) // or the server would answer by itself
		}
	}
}

// HookHang never answers.
func HookHang() HookAnswer {
	return func(_ http.ResponseWriter, gone <-chan struct{}) {
		<-gone
		panic(http.ErrAbortHandler) // or the server would answer by itself
	}
}

// HookRedirect answers that what is wanted is elsewhere.
func HookRedirect(status int, to string) HookAnswer {
	return func(w http.ResponseWriter, _ <-chan struct{}) {
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

// HookRaw answers with what it is given, byte for byte, as a broken server does, and ends
// the connection; "" ends it without a word.
func HookRaw(answer string) HookAnswer {
	return hijacked(func(to net.Conn) { _, _ = to.Write([]byte(answer)) })
}

// HookEndless answers 200 with a body that does not end before the caller has gone.
func HookEndless() HookAnswer {
	return hijacked(func(to net.Conn) {
		out := bufio.NewWriter(to)
		_, err := out.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
		for filler := strings.Repeat("x", 1<<10); err == nil; {
			_, err = out.WriteString(filler)
		}
	})
}

// hijacked takes the connection from the server and ends it when answer has returned.
func hijacked(answer func(to net.Conn)) HookAnswer {
	return func(w http.ResponseWriter, _ <-chan struct{}) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return // who called has gone
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(Patience)) // fails only when it is closed
		answer(conn)
	}
}
