package reader

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/projections/api/apiclient"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

const (
	// streamLine bounds a line of a stream, in bytes, and streamBatch how many changes
	// are handled in one go.
	streamLine  = 4 << 20
	streamBatch = 256
	// streamRetry is the pause before a stream that ended is opened again, and
	// streamSilence how long one may show no sign of life: it has a heartbeat.
	streamRetry   = 500 * time.Millisecond
	streamSilence = time.Minute
)

// watchStream follows a feed over HTTP: server-sent events, each with an id to go on
// after. What was handled is written down before more is.
func watchStream(ctx context.Context, h Home, grant *home.Grant, o WatchOptions) (err error) {
	if o.Token == nil {
		return fmt.Errorf("the feed of view %s is read over HTTP, and there is nothing to make a token with", o.View)
	}
	dir, err := h.FeedDir()
	if err != nil {
		return err
	}
	lock, err := durable.TryLock(filepath.Join(dir, o.View+".lock"))
	if errors.Is(err, durable.ErrLocked) {
		return fmt.Errorf("another process watches view %s with this home", o.View)
	} else if err != nil {
		return err
	}
	defer lock.Close()
	s := &streamed{options: o, base: grant.HTTP, path: "/v1/feeds/" + o.View + "/events", place: filepath.Join(dir, o.View+".stream.json"), heard: time.Now()}
	if o.Output == "" {
		if s.last, err = readPlace(s.place); err != nil {
			return err
		}
	} else {
		file, err := feeds.OpenStreamFile(o.Output, o.View)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		// The file says by itself how far it is.
		s.last, s.options.Print, s.place = file.LastID(), file.Append, ""
	}
	return s.run(ctx)
}

// streamed is a feed as it is followed over HTTP.
type streamed struct {
	options WatchOptions
	base    string // of the node
	path    string // of the feed there
	place   string // the file in which last is kept; empty: it is kept otherwise
	last    string // id of the last change that was handled
	count   int
	heard   time.Time   // when the last change came
	enough  *time.Timer // that ends a session when none comes; nil if nothing does
}

func (s *streamed) run(ctx context.Context) error {
	var said string
	refused := 0 // how often in a row a token wasn't taken
	for {
		err := s.session(ctx)
		var no *apiclient.Problem
		var handling handleError
		switch {
		case ctx.Err() != nil || errors.Is(err, errDone):
			return nil
		case errors.As(err, &handling):
			return fmt.Errorf("follow view %s: %w", s.options.View, handling.error)
		case errors.As(err, &no):
			if no.Status == http.StatusUnauthorized {
				refused++
			}
			if failure := s.final(no, refused); failure != nil {
				return fmt.Errorf("follow view %s: %w", s.options.View, failure)
			}
		default:
			refused = 0
		}
		if s.idle() {
			return nil
		}
		if err != nil && said != err.Error() && s.options.Trouble != nil {
			s.options.Trouble(err)
			said = err.Error()
		}
		if retry.Sleep(ctx, streamRetry) != nil {
			return nil
		}
	}
}

// final returns why it makes no sense to ask again after a refusal, or nil.
func (s *streamed) final(r *apiclient.Problem, refused int) error {
	switch r.Status {
	case http.StatusUnauthorized:
		if refused < 2 { // the token may have come to its end on the way
			return nil
		}
		return hinted{r, "the authority lets this reader in no more, or the clocks differ; ask it"}
	case http.StatusForbidden:
		return hinted{r, "ask the authority what the mandate is"}
	case http.StatusNotFound:
		return hinted{r, "GET /v1/views lists the views within the mandate"}
	case http.StatusUnprocessableEntity:
		if s.place == "" {
			return hinted{r, "write to another file, which begins with the oldest change"}
		}
		return hinted{r, "remove " + s.place + " to begin with the oldest change"}
	}
	return nil
}

var errDone = errors.New("done")

// handleError is an error of what was done with a change, or of what a server sent that
// is none.
type handleError struct{ error }

func (e handleError) Unwrap() error { return e.error }

func (s *streamed) idle() bool {
	return s.options.Idle > 0 && time.Since(s.heard) >= s.options.Idle
}

// session reads one stream until it ends.
func (s *streamed) session(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header := http.Header{}
	if s.last != "" {
		header.Set("Last-Event-ID", s.last)
	}
	c := apiclient.Client{Base: s.base, Token: func() (string, error) {
		text, err := s.options.Token()
		if err != nil {
			return "", handleError{err}
		}
		return text, nil
	}}
	silence := time.AfterFunc(streamSilence, func() { cancel(errors.New("the stream shows no sign of life")) })
	defer silence.Stop()
	if s.options.Idle > 0 {
		s.enough = time.AfterFunc(time.Until(s.heard.Add(s.options.Idle)), func() { cancel(errDone) })
		defer s.enough.Stop()
	}
	response, err := c.Open(ctx, s.path, header)
	if err != nil {
		return s.cause(ctx, err)
	}
	defer response.Body.Close()
	err = s.read(bufio.NewReaderSize(response.Body, 64<<10), func() { silence.Reset(streamSilence) })
	return s.cause(ctx, err)
}

// cause tells why a session was cut, if it was.
func (s *streamed) cause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && err != nil && !errors.Is(err, errDone) && !errors.As(err, new(handleError)) {
		if errors.Is(cause, errDone) && !s.idle() {
			return nil // changes came at the last moment
		}
		return cause
	}
	return err
}

// read reads events as the HTML standard has them (9.2.6), as far as this server
// writes them, and handles as many at once as have come.
func (s *streamed) read(r *bufio.Reader, alive func()) error {
	var batch []feeds.Message
	id, mark := "", ""
	var data []byte
	for {
		line, err := readLine(r)
		if err != nil {
			if e := s.handle(batch, mark); e != nil { // what came whole counts
				return e
			}
			return err
		}
		alive()
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "id":
			id = string(value)
			continue
		case "data":
			data = append(data, value...)
			continue
		}
		if len(line) > 0 {
			continue
		}
		if data != nil {
			m, err := feeds.ParseStreamed(data)
			if err == nil && (m.View != s.options.View || m.ID != id) {
				err = fmt.Errorf("a message %s/%s came as %s", m.View, m.ID, id)
			}
			if err != nil {
				return handleError{err}
			}
			batch, data = append(batch, *m), nil
		}
		if id != "" {
			mark = id
		}
		full := len(batch) == streamBatch || s.options.Count > 0 && s.count+len(batch) >= s.options.Count
		if full || r.Buffered() == 0 {
			if err := s.handle(batch, mark); err != nil {
				return err
			}
			batch = nil
		}
	}
}

// readLine reads a line that ends. What is cut off in its middle is none.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(line, "\r\n"), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > streamLine:
			return nil, handleError{fmt.Errorf("a line of the stream is longer than %d bytes", streamLine)}
		}
	}
}

// handle hands on what has come, and writes down how far that is.
func (s *streamed) handle(batch []feeds.Message, mark string) error {
	if len(batch) > 0 {
		if err := s.options.Print(batch); err != nil {
			return handleError{err}
		}
		s.count += len(batch)
		s.heard = time.Now()
		if s.enough != nil {
			s.enough.Reset(s.options.Idle)
		}
	}
	if mark != "" && mark != s.last {
		s.last = mark
		if s.place != "" {
			if err := home.WriteJSON(s.place, streamPlace{mark}, 0o600); err != nil {
				return handleError{err}
			}
		}
	}
	if s.options.Count > 0 && s.count >= s.options.Count {
		return errDone
	}
	return nil
}

// streamPlace is how far a stream was handled.
type streamPlace struct {
	ID string `json:"id"`
}

func readPlace(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	var p streamPlace
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil && strings.ContainsFunc(p.ID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		err = errors.New("it holds no id")
	}
	if err != nil {
		return "", fmt.Errorf("read how far the feed was read: %w", err)
	}
	return p.ID, nil
}
