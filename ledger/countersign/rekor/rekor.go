package rekor

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Rekor is one to anchor in.
type Rekor struct {
	// Name is that of its directory: at most 64 of A-Z a-z 0-9 . - _, the first of
	// them no point.
	Name string
	// URL is for reports.
	URL string
	// Trusted is what its answers are verified with.
	Trusted verify.TrustedRekor
	// Client reaches it.
	Client Client
}

// Client submits to a Rekor. What it returns is not verified. Implementations are
// safe for concurrent use, return soon after their context ends, and read a bounded
// number of bytes.
type Client interface {
	// Submit puts a hashedrekord over digest into the Rekor, signed with key, ECDSA
	// P-256, and returns its TransparencyLogEntry in protobuf's JSON mapping. An
	// entry that the Rekor has already is as good as a new one.
	Submit(ctx context.Context, digest [sha256.Size]byte, key *ecdsa.PrivateKey) ([]byte, error)
	// Consistency returns the proof that the Rekor's tree at newer contains that at
	// older, which has the same origin and is smaller.
	Consistency(ctx context.Context, older, newer *formats.Checkpoint) (tlog.TreeProof, error)
}

const maxName = 64

func (r *Rekor) check() error {
	if !validName(r.Name) {
		return fmt.Errorf("the Rekor's name %.80q can't be that of a directory: want at most %d of A-Z a-z 0-9 . - _", r.Name, maxName)
	}
	if r.Client == nil {
		return fmt.Errorf("Rekor %s: there is no client for it", r.Name)
	}
	if err := r.Trusted.Check(); err != nil {
		return fmt.Errorf("Rekor %s: %w", r.Name, err)
	}
	return nil
}

const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

func validName(name string) bool {
	return name != "" && len(name) <= maxName && name[0] != '.' && strings.Trim(name, nameBytes) == ""
}
