// Package apiclient sends requests to a node's HTTP API (docs/programs.md; OpenAPI at
// /v1/openapi.json) with a bearer token.
//
// It is the one place that knows how a request is sent, how long an answer may be, and how
// the API refuses (RFC 9457).
//
// Not here: what is asked, and what an answer means or proves; ledger/verify checks proofs.
// Checkpoints, tiles and bodies are read by ledger/http, which verifies them.
package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events/safetext"
)

const (
	// MaxAnswer bounds an answer, in bytes.
	MaxAnswer = 64 << 20
	// maxProblem bounds what is read of a refusal, in bytes.
	maxProblem = 64 << 10
	// askTime bounds a question with its answer.
	askTime = 30 * time.Second
)

// Client asks one node. It is safe for concurrent use if Token is.
type Client struct {
	// Base is the node's address, such as https://ledger.example.my.
	Base string
	// Token returns a bearer token, which is asked for before each question; nil sends none.
	Token func() (string, error)
	// HTTP sends the questions; http.DefaultClient if nil.
	HTTP *http.Client
}

// Problem is a refusal of the API: a problem detail (RFC 9457), or a status alone.
type Problem struct {
	Status int
	// Detail says why, in words of the server, made harmless for a terminal.
	Detail string
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// Get returns the answer to a question without a body. path begins with a slash.
func (c *Client) Get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	return c.Send(ctx, http.MethodGet, path, query, nil)
}

// GetJSON decodes the answer to a question without a body into answer.
func (c *Client) GetJSON(ctx context.Context, path string, query url.Values, answer any) error {
	return c.SendJSON(ctx, http.MethodGet, path, query, nil, answer)
}

// SendJSON sends question as JSON, if it isn't nil, and decodes the answer.
func (c *Client) SendJSON(ctx context.Context, method, path string, query url.Values, question, answer any) error {
	var body []byte
	if question != nil {
		var err error
		if body, err = json.Marshal(question); err != nil {
			return fmt.Errorf("ask the node for %s: %w", path, err)
		}
	}
	text, err := c.Send(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("read the node's answer to %s: %w", path, err)
	}
	return nil
}

// Send sends a question, with a body of JSON if it isn't nil, and returns the answer. It
// takes at most 30 seconds. An error is a [*Problem] where the API refused.
func (c *Client) Send(ctx context.Context, method, path string, query url.Values, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	header := http.Header{}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	response, err := c.open(ctx, method, path, query, header, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask the node for %s: %w", path, err)
	case len(text) > MaxAnswer:
		return nil, fmt.Errorf("ask the node for %s: the answer is longer than %d bytes", path, MaxAnswer)
	}
	return text, nil
}

// Open returns an answer that is read as it comes, such as a feed's. The caller closes its
// body, and ends it with the context. An error is a [*Problem] where the API refused.
func (c *Client) Open(ctx context.Context, path string, header http.Header) (*http.Response, error) {
	return c.open(ctx, http.MethodGet, path, nil, header, nil)
}

func (c *Client) open(ctx context.Context, method, path string, query url.Values, header http.Header, body []byte) (*http.Response, error) {
	fail := func(err error) (*http.Response, error) { return nil, fmt.Errorf("ask the node for %s: %w", path, err) }
	address := strings.TrimSuffix(c.Base, "/") + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return fail(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if c.Token != nil {
		token, err := c.Token()
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	sender := c.HTTP
	if sender == nil {
		sender = http.DefaultClient
	}
	response, err := sender.Do(request)
	if err != nil {
		return fail(err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return fail(problemOf(response))
	}
	return response, nil
}

func problemOf(response *http.Response) *Problem {
	var p struct {
		Detail string `json:"detail"`
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	if json.Unmarshal(text, &p) != nil || p.Detail == "" {
		p.Detail = "the node answered " + response.Status
	}
	return &Problem{Status: response.StatusCode, Detail: safetext.Line(p.Detail)}
}
