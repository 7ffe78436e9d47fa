package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Trust files, and files of evidence.

// trustFlag adds --trust, the trust file of an auditor.
func trustFlag(f *cmdline.Flags, to *string) *cmdline.Flag {
	return f.String(to, "trust", "believe what is in the trust `FILE`").File()
}

// readTrust reads a trust file.
func readTrust(path string) (*verify.Trust, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	trust, err := verify.ParseTrust(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return trust, nil
}

// readPolicy reads a witness policy; nil if path is empty.
func readPolicy(path string) (*formats.Policy, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	policy, err := formats.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return policy, nil
}

// anchorPolicyFlag adds --anchor-policy.
func anchorPolicyFlag(f *cmdline.Flags, to *string, usage string) {
	*to = "all"
	f.String(to, "anchor-policy", usage).Complete(cmdline.OneOf("all", "any"))
}

// anchorPolicy returns the policy over so many Rekors.
func anchorPolicy(text string, rekors int) (verify.AnchorPolicy, error) {
	policy, err := verify.ParseAnchorPolicy(text)
	if err == nil {
		_, err = policy.Of(rekors)
	}
	return policy, cmdline.WithStatus(cmdline.WrongUsage, err)
}

// readAs reads a file if it is of a kind.
func readAs(path string, read func(io.ReaderAt) ([]byte, bool, error)) (content []byte, ok bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	return read(f)
}

// doesNotHold says that a file does not hold; but of one that is no evidence, or of a
// ledger that the trust file doesn't name, nothing was judged, and so it isn't said.
func doesNotHold(path string, err error) error {
	var not *verify.NotEvidence
	var unknown *verify.UnknownLedger
	switch {
	case errors.As(err, &not):
		return fmt.Errorf("%s: this is not evidence: %s", path, not.Is)
	case errors.As(err, &unknown):
		return hint.With(fmt.Errorf("%s can't be judged: it is of the ledger %.100q, which the trust file doesn't name", path, unknown.Origin), "is it the right trust file?")
	}
	return cmdline.WithStatus(cmdline.DoesNotHold, fmt.Errorf("%s does not hold: %w", path, err))
}

// bundleAlone refuses what saksi verify reads and other commands don't.
func bundleAlone(path string) error {
	is := ""
	if proof, ok, err := readAs(path, verify.ReadProof); err != nil {
		return err
	} else if ok && verify.IsOrder(proof) {
		is = "proof that a ledger signed leaves out of their order"
	} else if ok {
		is = "proof that a ledger signed two histories"
	}
	if _, ok, err := readAs(path, verify.ReadReceipt); err != nil {
		return err
	} else if ok {
		is = "a receipt"
	}
	if is == "" {
		return nil
	}
	return hint.With(fmt.Errorf("%s is %s, no evidence of events", path, is), "saksi verify reads it")
}

// readBundle reads a whole bundle.
func readBundle(path string) (*verify.Bundle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b, err := verify.ReadBundle(f, info.Size())
	if err != nil {
		return nil, doesNotHold(path, err)
	}
	return b, nil
}

// writeBundle writes a bundle to a file that has its name only once it was checked.
func writeBundle(file outFile, b *verify.Bundle, check func(f *os.File, size int64) error) (size int64, _ error) {
	err := file.write(func(f *os.File) (err error) {
		w := bufio.NewWriterSize(f, 1<<20)
		if size, err = b.WriteTo(w); err != nil {
			return err
		}
		if err := errors.Join(w.Flush(), f.Chmod(0o644)); err != nil {
			return err
		}
		return check(f, size)
	})
	return size, err
}

// verifyEach verifies a bundle, with progress, and has each leaf that it is about.
func verifyEach(s *cmdline.Session, path string, trust *verify.Trust, record func(*verify.StatedRecord) error) (*verify.Statement, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	shown := cmdline.NewSteps(s.Err)
	defer shown.Done()
	statement, err := verify.Verify(f, info.Size(), trust, verify.Options{
		Record: record, Progress: func(done, total int) { shown.Set("verified", done, total) }, Now: time.Now(),
	})
	if err != nil {
		return nil, doesNotHold(path, err)
	}
	return statement, nil
}

// digestOfFile returns a file's SHA-256 and size.
func digestOfFile(path string) (d events.Digest, size int64, _ error) {
	f, err := os.Open(path)
	if err != nil {
		return d, 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return d, 0, err
	}
	h.Sum(d[:0])
	return d, size, nil
}

func isURL(s string) bool { return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") }
