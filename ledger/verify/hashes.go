package verify

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

func marshalHashes(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, 45*len(hashes))
	for _, h := range hashes {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return b
}

// parseHashes reads hashes in base64, a line each.
func parseHashes(b []byte) ([]tlog.Hash, error) {
	hashes := []tlog.Hash{}
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		hash, err := decodeLine(line)
		if !ok || err != nil || len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("line %d is not the base64 of 32 bytes", len(hashes)+1)
		}
		if hashes = append(hashes, tlog.Hash(hash)); len(hashes) > maxProof+1 {
			return nil, fmt.Errorf("more than %d hashes", maxProof+1)
		}
		b = rest
	}
	return hashes, nil
}

// cutHashes takes hashes in base64, a line each and at most so many, from the beginning of
// b, and the empty line behind them.
func cutHashes(b []byte, most int) (hashes []tlog.Hash, rest []byte, _ error) {
	for {
		line, after, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			return nil, nil, errors.New("it ends before the checkpoint")
		}
		if b = after; len(line) == 0 {
			return hashes, b, nil
		}
		hash, err := decodeLine(line)
		if err != nil || len(hash) != tlog.HashSize {
			return nil, nil, fmt.Errorf("hash %d is not the base64 of 32 bytes", len(hashes)+1)
		}
		if hashes = append(hashes, tlog.Hash(hash)); len(hashes) > most {
			return nil, nil, fmt.Errorf("more than %d hashes", most)
		}
	}
}

// decodeLine refuses the line breaks that encoding/base64 skips.
func decodeLine(s []byte) ([]byte, error) {
	if bytes.ContainsAny(s, "\r\n") {
		return nil, errors.New("line break in base64")
	}
	return base64.StdEncoding.Strict().AppendDecode(nil, s)
}
