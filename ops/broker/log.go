package broker

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// serverLog passes the NATS server's warnings and errors on to slog, drops the
// rest, and until start is over remembers them, for the error that Start returns.
type serverLog struct {
	log   *slog.Logger
	fatal chan string // the first fatal error; the server returns after it

	mu       sync.Mutex
	started  bool
	problems []string
}

func newServerLog(log *slog.Logger) *serverLog {
	return &serverLog{log: log, fatal: make(chan string, 1)}
}

func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}

func (l *serverLog) Warnf(format string, v ...any) {
	l.log.Warn("nats server", "component", "nats", "detail", l.text(format, v))
}

func (l *serverLog) Errorf(format string, v ...any) {
	l.log.Error("nats server", "component", "nats", "detail", l.text(format, v))
}

func (l *serverLog) Fatalf(format string, v ...any) {
	s := l.text(format, v)
	select {
	case l.fatal <- s: // Start returns it
	default:
	}
	l.mu.Lock()
	started := l.started
	l.mu.Unlock()
	if started {
		l.log.Error("nats server", "component", "nats", "detail", s)
	}
}

const maxProblems = 20

func (l *serverLog) text(format string, v []any) string {
	s := strings.TrimSpace(fmt.Sprintf(format, v...))
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started && len(l.problems) < maxProblems {
		l.problems = append(l.problems, s)
	}
	return s
}

// start ends the remembering, and returns what was remembered.
func (l *serverLog) start() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = true
	s := strings.Join(l.problems, "; ")
	l.problems = nil
	return s
}
