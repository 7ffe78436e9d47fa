package rekor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer, in bytes: four times the largest
	// entry that would be believed.
	maxAnswer = 1 << 20
	// maxSaid bounds what an error repeats of an answer, in bytes.
	maxSaid    = 200
	dialWithin = 10 * time.Second
)

// newHTTPClient returns a client for one Rekor. It reads answers up to maxAnswer, and
// follows no redirection: a Rekor is where it was said to be.
func newHTTPClient() *http.Client {
	return &http.Client{
		Transport: boundedTransport{&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: dialWithin}).DialContext,
			TLSHandshakeTimeout:    dialWithin,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        2 * time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// boundedTransport ends answers that are too long with an error.
type boundedTransport struct{ http.RoundTripper }

func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: maxAnswer}
	return response, nil
}

var errTooLong = fmt.Errorf("the answer has more than %d bytes", maxAnswer)

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// Only now is it known whether there is more.
		var one [1]byte
		if n, err := b.ReadCloser.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// jsonTransport gives up on an answer that says that it isn't JSON, or that what was asked
// for is somewhere else: a generated client would read it as YAML, XML or text.
type jsonTransport struct{ http.RoundTripper }

func (t jsonTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	given := response.Header.Get("Content-Type")
	mediaType, _, _ := mime.ParseMediaType(given)
	switch {
	case response.StatusCode >= 300 && response.StatusCode < 400:
		err = fmt.Errorf("%s: a redirection is not followed", response.Status)
	case mediaType != "application/json":
		err = fmt.Errorf("%s: it is of the type %.60q, and not JSON", response.Status, given)
	default:
		return response, nil
	}
	response.Body.Close()
	return nil, err
}

// said quotes the beginning of an answer, for errors.
func said(b []byte) string { return fmt.Sprintf("%.*q", maxSaid, strings.TrimSpace(string(b))) }

// within says what an answer failed at: a limit of time reads better than what
// libraries make of it.
func within(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("there was no answer in time: %w", context.DeadlineExceeded)
	}
	return err
}
