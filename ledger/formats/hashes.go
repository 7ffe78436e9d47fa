package formats

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

func MarshalHashes(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, 45*len(hashes))
	for _, h := range hashes {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return b
}

// ParseHashes reads hashes in base64, a line each.
func ParseHashes(b []byte) ([]tlog.Hash, error) {
	hashes := []tlog.Hash{}
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		hash, err := DecodeLine(line)
		if !ok || err != nil || len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("line %d is not the base64 of 32 bytes", len(hashes)+1)
		}
		if hashes = append(hashes, tlog.Hash(hash)); len(hashes) > MaxProof+1 {
			return nil, fmt.Errorf("more than %d hashes", MaxProof+1)
		}
		b = rest
	}
	return hashes, nil
}

// CutHashes takes hashes in base64, a line each and at most so many, from the beginning of
// b, and the empty line behind them.
func CutHashes(b []byte, most int) (hashes []tlog.Hash, rest []byte, _ error) {
	for {
		line, after, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			return nil, nil, errors.New("it ends before the checkpoint")
		}
		if b = after; len(line) == 0 {
			return hashes, b, nil
		}
		hash, err := DecodeLine(line)
		if err != nil || len(hash) != tlog.HashSize {
			return nil, nil, fmt.Errorf("hash %d is not the base64 of 32 bytes", len(hashes)+1)
		}
		if hashes = append(hashes, tlog.Hash(hash)); len(hashes) > most {
			return nil, nil, fmt.Errorf("more than %d hashes", most)
		}
	}
}

// DecodeLine refuses the line breaks that encoding/base64 skips.
func DecodeLine(s []byte) ([]byte, error) {
	if bytes.ContainsAny(s, "\r\n") {
		return nil, errors.New("line break in base64")
	}
	return base64.StdEncoding.Strict().AppendDecode(nil, s)
}
