package cmdline

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/saksi-ledger/saksi/ledger/hint"
)

// Session is what a running command has of its program. It belongs to one run, and
// isn't safe for concurrent use.
type Session struct {
	In       io.Reader
	Out, Err io.Writer
	// Name is the command's with the program's before it: "saksi operator add".
	Name string
	// Format is how the result is printed; empty for a command without --format.
	Format string
	// Zone is where times are read and shown; nil where neither the command line nor
	// the environment says so. [Session.Location] has a default for it.
	Zone *time.Location

	given map[string]bool // by command line or environment
	typed map[string]bool // on the command line
}

// Given tells whether a flag was given, by the command line or the environment.
func (s *Session) Given(flag string) bool { return s.given[flag] }

// Usage returns an error about how the command was called. It begins with the
// command's name.
func (s *Session) Usage(format string, args ...any) error {
	return Usage("%s "+format, append([]any{s.Name}, args...)...)
}

// Location returns the zone in which the command reads and shows times: that of
// --tz, else UTC.
func (s *Session) Location() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}

// Time reads the value of a flag as a moment in the command's zone. Without a value
// it is missing.
func (s *Session) Time(flag, text string, missing time.Time) (time.Time, error) {
	if text == "" {
		return missing, nil
	}
	t, err := ParseTime(text, s.Location())
	if err != nil {
		return t, Usage("--%s %q: %v", flag, text, err)
	}
	return t, nil
}

// Show writes a time for people: to the second, in the command's zone, with the
// zone's name or offset unless it is UTC. It is empty for no time.
func (s *Session) Show(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if s.Location() == time.UTC {
		return t.UTC().Format("2006-01-02 15:04:05Z")
	}
	return t.In(s.Location()).Format("2006-01-02 15:04:05-07:00")
}

// localLayouts are those of times without a zone: they are of the command's.
var localLayouts = [...]string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// ParseTime reads a time as people write it: RFC 3339, or that without seconds, or
// without a zone, which is then zone's, or a date, which is its beginning there.
func ParseTime(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return inYears(t)
		}
	}
	for _, layout := range localLayouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return inYears(t)
		}
	}
	return time.Time{}, errNoTime
}

var errNoTime = fmt.Errorf("want a time, such as 2026-11-23T08:00:00Z, 2026-11-23T16:00+08:00 or 2026-11-23")

// inYears refuses what RFC 3339 can't write.
func inYears(t time.Time) (time.Time, error) {
	if year := t.UTC().Year(); year < 0 || year > 9999 || t.IsZero() {
		return time.Time{}, errNoTime
	}
	return t.UTC(), nil
}

// loadZone reads the value of --tz.
func loadZone(name string) (*time.Location, error) {
	switch name {
	case "local":
		return time.Local, nil
	case "UTC", "utc", "Z":
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, hint.With(Usage("--tz %q is no time zone", name), "want a name of the IANA database, such as Asia/Kuala_Lumpur, or local, or UTC; SAKSI_TZ sets it too")
	}
	return zone, nil
}

// Open opens a file to read, or standard input for -, and says what it is called.
func (s *Session) Open(path string) (io.ReadCloser, string, error) {
	if path == "-" {
		return io.NopCloser(s.In), "standard input", nil
	}
	f, err := os.Open(path)
	return f, path, err
}

// Stamp writes a time as RFC 3339 has it, in the command's zone. It is empty for no
// time.
func (s *Session) Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(s.Location()).Format(time.RFC3339)
}
