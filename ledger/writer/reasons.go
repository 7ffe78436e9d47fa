package writer

import (
	"context"
	"errors"
	"fmt"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// forgetReason overwrites, for people, why a message was rejected: it may repeat what the
// message says. The code stays in the leaf. It comes before the body is erased: whether
// that is done is what tells an order that is carried out.
func (s *state) forgetReason(ctx context.Context, leaf *formats.Leaf) error {
	party, ok := partyOf(leaf.Subject)
	if !ok {
		return nil
	}
	fail := func(err error) error { return fmt.Errorf("erase the reason of a rejection: %w", err) }
	if _, err := s.writer.ExecContext(ctx, "UPDATE rejected SET reason = '' WHERE party = ? AND body = ?", party, leaf.Digest[:]); err != nil {
		return fail(err)
	}
	// The log holds the page as it was.
	var busy, logged, moved int
	if err := s.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logged, &moved); err != nil {
		return fail(err)
	}
	if busy != 0 {
		return fail(errors.New("somebody reads the state database: it is tried again"))
	}
	return nil
}
