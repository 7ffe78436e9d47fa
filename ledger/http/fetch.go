package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/saksi-ledger/saksi/ledger/http/token"
)

const (
	attempts     = 5
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 3 * time.Second
	maxProblem   = 4 << 10 // of an error's text, in bytes
)

// StatusError is an answer that is not what was asked for.
type StatusError struct {
	URL    string
	Status int
	// Detail is the beginning of what the server said. It is a stranger's text.
	Detail string
	after  time.Duration
}

func (e *StatusError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%s: HTTP %d", e.URL, e.Status)
	}
	return fmt.Sprintf("%s: HTTP %d: %q", e.URL, e.Status, e.Detail)
}

// Is says that what isn't there is [fs.ErrNotExist].
func (e *StatusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// suspended tells whether the server said that of the reader: a mandate that goes
// less far than bodies is something else.
func (e *StatusError) suspended() bool {
	return e.Status == http.StatusForbidden && strings.Contains(e.Detail, token.ErrSuspended.Error())
}

// passing is an error that may be gone when it is tried again.
type passing struct{ error }

func (e passing) Unwrap() error { return e.error }

// fetcher gets small resources from one server, which may be slow, broken or hostile.
type fetcher struct {
	base    *url.URL
	client  *http.Client
	timeout time.Duration // of one attempt
	token   func(context.Context) (string, error)
}

// get returns a resource of most bytes at the longest. It tries again where that may
// help. The token is sent only if bearer.
func (f *fetcher) get(ctx context.Context, path, query string, most int64, bearer bool) ([]byte, error) {
	wait := backoffFirst
	for attempt := 1; ; attempt++ {
		b, err := f.once(ctx, path, query, most, bearer)
		var later passing
		if err == nil || ctx.Err() != nil || attempt == attempts || !errors.As(err, &later) {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return b, err
		}
		pause := wait/2 + rand.N(wait/2)
		var status *StatusError
		if errors.As(err, &status) {
			pause = max(pause, status.after)
		}
		if retry.Sleep(ctx, pause) != nil {
			return nil, ctx.Err()
		}
		wait = min(2*wait, backoffMost)
	}
}

func (f *fetcher) once(ctx context.Context, path, query string, most int64, bearer bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	u := f.base.JoinPath(path)
	u.RawQuery = query
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "saksi")
	if bearer {
		token, err := f.token(ctx)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := f.client.Do(r)
	if err != nil {
		return nil, passing{err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, refused(u, response)
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return nil, passing{fmt.Errorf("%s: %w", u, err)}
	case int64(len(b)) > most:
		return nil, fmt.Errorf("%s: it is longer than %d bytes", u, most)
	}
	return b, nil
}

func refused(u *url.URL, response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	var details struct{ Detail string } // RFC 9457
	if json.Unmarshal(text, &details) == nil && details.Detail != "" {
		text = []byte(details.Detail)
	}
	err := &StatusError{URL: u.String(), Status: response.StatusCode, Detail: strings.TrimSpace(string(text[:min(len(text), 300)]))}
	switch {
	case response.StatusCode == http.StatusTooManyRequests, response.StatusCode == http.StatusRequestTimeout, response.StatusCode >= 500:
		if seconds, parse := strconv.Atoi(response.Header.Get("Retry-After")); parse == nil && seconds > 0 {
			err.after = min(time.Duration(min(seconds, 60))*time.Second, backoffMost)
		}
		return passing{err}
	}
	return err
}
