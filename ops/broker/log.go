package broker

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
)

// serverLog passes the NATS server's warnings and errors on to slog, drops the
// rest, and until start is over remembers them, for the error that Start returns.
//
// Whoever connects can have the server log something with each message. So what
// is said of one account, or in the same words of connections that have none yet, is
// passed on in bounded numbers; how often it was said beside those comes with the
// next one that is.
type serverLog struct {
	log   *slog.Logger
	now   func() time.Time
	fatal chan string // the first fatal error; the server returns after it

	mu       sync.Mutex
	started  bool
	problems []string
	said     map[string]*saying // by account, or by format
}

// saying is how much of one kind was said.
type saying struct {
	level   float64
	at      time.Time
	dropped int
}

const (
	// sayings are passed on at once, and then one each sayEvery.
	sayings  = 10
	sayEvery = 10 * time.Second
	// maxSaid bounds the kinds that are told apart.
	maxSaid = 1024
)

func newServerLog(log *slog.Logger) *serverLog {
	return &serverLog{log: log, now: time.Now, fatal: make(chan string, 1), said: map[string]*saying{}}
}

// accountIn finds the account and its user in what the server says of a connection.
var accountIn = regexp.MustCompile(`"(A[A-Z2-7]{55}/[^"]*)"`)

// may says whether something is passed on, and how many of its kind were not before.
func (l *serverLog) may(text string) (dropped int, ok bool) {
	kind := digits.ReplaceAllString(text, "")
	if m := accountIn.FindStringSubmatch(text); m != nil {
		kind = m[1]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	s := l.said[kind]
	if s == nil {
		if len(l.said) >= maxSaid {
			clear(l.said)
		}
		s = &saying{at: now}
		l.said[kind] = s
	}
	s.level = max(0, s.level-now.Sub(s.at).Seconds()/sayEvery.Seconds())
	s.at = now
	if s.level+1 > sayings {
		s.dropped++
		return 0, false
	}
	s.level++
	dropped, s.dropped = s.dropped, 0
	return dropped, true
}

// digits are what tells connections apart in what the server says of them.
var digits = regexp.MustCompile(`[0-9]+`)

func (l *serverLog) pass(level slog.Level, text string) {
	dropped, ok := l.may(text)
	if !ok {
		return
	}
	args := []any{"component", "nats", "detail", text}
	if dropped > 0 {
		args = append(args, "unsaid", dropped)
	}
	l.log.Log(context.Background(), level, "nats server", args...)
}

func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}

func (l *serverLog) Warnf(format string, v ...any) {
	l.pass(slog.LevelWarn, l.text(format, v))
}

func (l *serverLog) Errorf(format string, v ...any) {
	l.pass(slog.LevelError, l.text(format, v))
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
