package witness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// maxRequest bounds a request, in bytes: 63 hashes and a checkpoint with many
	// signatures.
	maxRequest = 128 << 10
	// maxProof is the most hashes that the specification lets a client send.
	maxProof = 63
)

// Request is the body of add-checkpoint (https://c2sp.org/tlog-witness): a checkpoint,
// and the proof that its tree continues that of Old leaves.
type Request struct {
	Old        uint64
	Proof      tlog.TreeProof
	Checkpoint []byte
}

// Marshal writes the request.
func (r *Request) Marshal() []byte {
	b := fmt.Appendf(nil, "old %d\n", r.Old)
	for _, h := range r.Proof {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return append(append(b, '\n'), r.Checkpoint...)
}

// ParseRequest reads a request in its one written form. What it says isn't checked.
func ParseRequest(b []byte) (*Request, error) {
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	text, ok := bytes.CutPrefix(line, []byte("old "))
	old, err := strconv.ParseUint(string(text), 10, 63)
	if !ok || err != nil || strconv.FormatUint(old, 10) != string(text) {
		return nil, errors.New("the first line is not \"old\" and a size in decimal")
	}
	r := &Request{Old: old}
	for {
		if line, rest, ok = bytes.Cut(rest, []byte("\n")); !ok {
			return nil, errors.New("there is no empty line before the checkpoint")
		}
		if len(line) == 0 {
			break
		}
		hash, err := base64.StdEncoding.Strict().AppendDecode(nil, line)
		if err != nil || len(hash) != tlog.HashSize || bytes.IndexByte(line, '\r') >= 0 {
			return nil, fmt.Errorf("hash %d of the proof is not the base64 of 32 bytes", len(r.Proof)+1)
		}
		if r.Proof = append(r.Proof, tlog.Hash(hash)); len(r.Proof) > maxProof {
			return nil, fmt.Errorf("the proof has more than %d hashes", maxProof)
		}
	}
	r.Checkpoint = rest
	return r, nil
}
