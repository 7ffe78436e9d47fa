package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 16 << 10

// errContradicts is wrapped where a witness has seen another tree than this one.
var errContradicts = errors.New("the witness has seen another tree")

// client asks one witness, one request at a time.
type client struct {
	key  *formats.Cosigner
	url  string
	http *http.Client
	size uint64 // that the witness is thought to have cosigned last
}

func newClient(w formats.PolicyWitness, base *http.Client) (*client, error) {
	u, err := url.Parse(w.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("witness %s: its address %q: want http or https, and a host", w.Name, w.URL)
	}
	// It answers where it says that it does, or not.
	follow := *base
	follow.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{key: w.Key, url: u.JoinPath("add-checkpoint").String(), http: &follow}, nil
}

// cosign asks for a cosignature on a checkpoint, and returns one that holds. prove
// proves that the checkpoint's tree continues that of so many leaves.
func (c *client) cosign(ctx context.Context, checkpoint *formats.Checkpoint, plain []byte, prove func(old uint64) (tlog.TreeProof, error)) (*formats.Cosignature, error) {
	if c.size > checkpoint.Size {
		c.size = 0
	}
	for try := 0; ; try++ {
		r := Request{Old: c.size, Checkpoint: plain}
		if r.Old > 0 && r.Old < checkpoint.Size {
			var err error
			if r.Proof, err = prove(r.Old); err != nil {
				return nil, err
			}
		}
		status, body, err := c.post(ctx, r.Marshal())
		if err != nil {
			return nil, err
		}
		switch status {
		case http.StatusOK:
			return c.believe(checkpoint, plain, body)
		case http.StatusConflict:
			size, err := parseSize(body)
			switch {
			case err != nil && r.Old == checkpoint.Size:
				return nil, fmt.Errorf("%w: another root of %d leaves: %s", errContradicts, r.Old, said(body))
			case err != nil:
				return nil, fmt.Errorf("it answers a conflict, and no size: %w", err)
			case size == r.Old && size == checkpoint.Size:
				return nil, fmt.Errorf("%w: another root of %d leaves", errContradicts, size)
			case size == r.Old:
				return nil, fmt.Errorf("it says that it has cosigned %d leaves, and that this is not so", size)
			case size > checkpoint.Size:
				return nil, fmt.Errorf("%w: of %d leaves, and this ledger has %d: was it put back from an old copy, or is its key used elsewhere?", errContradicts, size, checkpoint.Size)
			case try == 2:
				return nil, errors.New("what it has cosigned changes faster than it can be told: who else asks it?")
			}
			c.size = size
		case http.StatusUnprocessableEntity:
			c.size = 0 // if it was mistaken, it may say another size next time
			if r.Old > 0 {
				return nil, fmt.Errorf("%w: of %d leaves, which this one of %d does not continue: %s", errContradicts, r.Old, checkpoint.Size, said(body))
			}
			return nil, fmt.Errorf("it does not take the first checkpoint: %s", said(body))
		case http.StatusNotFound:
			return nil, fmt.Errorf("it does not know this ledger (404): %s", said(body))
		case http.StatusForbidden:
			return nil, fmt.Errorf("it knows this ledger by another key (403): %s", said(body))
		default:
			return nil, fmt.Errorf("it answers %d: %s", status, said(body))
		}
	}
}

// believe takes the witness's cosignature from an answer, if it holds.
func (c *client) believe(checkpoint *formats.Checkpoint, plain, body []byte) (*formats.Cosignature, error) {
	found, err := formats.Cosignatures(append(bytes.Clone(plain), body...), []*formats.Cosigner{c.key})
	switch {
	case err != nil:
		return nil, fmt.Errorf("what it answers does not hold: %w", err)
	case len(found) == 0:
		return nil, fmt.Errorf("it answers without a cosignature by %s", c.key.Key())
	}
	c.size = checkpoint.Size
	return &found[0], nil
}

func (c *client) post(ctx context.Context, body []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, fmt.Errorf("read its answer: %w", err)
	case len(answer) > maxAnswer:
		return 0, nil, fmt.Errorf("it answers more than %d bytes", maxAnswer)
	}
	return response.StatusCode, answer, nil
}

func parseSize(body []byte) (uint64, error) {
	text := strings.TrimSuffix(string(body), "\n")
	size, err := strconv.ParseUint(text, 10, 63)
	if err != nil || strconv.FormatUint(size, 10) != text {
		return 0, fmt.Errorf("%s is none", said(body))
	}
	return size, nil
}

// said is what a stranger's program answered, as much as goes into a log.
func said(body []byte) string {
	const most = 160
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return '·'
	}, strings.TrimSpace(string(body[:min(len(body), most)])))
	return strconv.Quote(text)
}
