package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger/evidence"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// maxAuthorities bounds the timestamp authorities whose tokens are kept.
const maxAuthorities = 64

// timestamps goes through the lists, the largest first, until there is nothing new.
func (f *fetch) timestamps(ctx context.Context) error {
	source, err := evidence.RemoteTimestamps(f.reader.Base(), f.reader.Client())
	if err != nil {
		return err
	}
	authorities := map[string]bool{}
	for before := uint64(0); ; {
		list, err := source.List(ctx, "", before, anchorsPage)
		if err != nil {
			return err
		}
		fresh, last := false, before
		for _, t := range list {
			if before > 0 && t.Size >= before {
				return fmt.Errorf("a timestamp of %d leaves came, asked for those below %d", t.Size, before)
			}
			if last == 0 || t.Size < last {
				last = t.Size
			}
			if !plainName(t.Authority) || t.Size == 0 || t.Size > f.to.Size || !authorities[t.Authority] && len(authorities) == maxAuthorities {
				continue
			}
			authorities[t.Authority] = true
			came, err := f.timestamp(ctx, source, t)
			if err != nil {
				return err
			}
			fresh = fresh || came
		}
		if len(list) == 0 || !fresh && !f.options.Recheck || last == before {
			return nil
		}
		before = last
	}
}

// timestamp keeps one that is not there yet, its note last: a token without one is none.
func (f *fetch) timestamp(ctx context.Context, source evidence.Timestamps, t ledgerhttp.Timestamp) (came bool, err error) {
	base := f.path(timestampsDir, t.Authority, fmt.Sprintf("%020d", t.Size))
	if _, err := os.Stat(base + ".note"); err == nil {
		return false, nil
	}
	note, err := source.Read(ctx, t.Checkpoint)
	if err != nil {
		return false, err
	}
	c, err := f.log.OpenCheckpoint(note)
	if err != nil || c.Size != t.Size {
		return false, nil
	}
	token, err := source.Read(ctx, t.Token)
	if err != nil || len(token) > verify.MaxToken {
		return false, err
	}
	if err := errors.Join(writeFile(base+".tst", token), writeFile(base+".note", note), syncDir(filepath.Dir(base))); err != nil {
		return false, err
	}
	f.done.Timestamps++
	return true, nil
}
