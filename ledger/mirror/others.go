package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/evidence"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const (
	anchorsPage = 1000
	maxRekors   = 64
	maxRekor    = 64
)

// others brings what Rekors, witnesses and timestamp authorities hold of the ledger. What is no checkpoint of
// the log's isn't kept; whether it holds, and is of this tree, an audit says.
func (f *fetch) others(ctx context.Context) error {
	if err := f.anchors(ctx); err != nil {
		return fmt.Errorf("copy its anchors: %w", err)
	}
	if err := f.cosigned(ctx); err != nil {
		return fmt.Errorf("copy what is cosigned: %w", err)
	}
	if err := f.timestamps(ctx); err != nil {
		return fmt.Errorf("copy its timestamps: %w", err)
	}
	return nil
}

// anchors goes through the lists, the largest first, until there is nothing new.
func (f *fetch) anchors(ctx context.Context) error {
	source, err := evidence.Remote(f.reader.Base(), f.reader.Client())
	if err != nil {
		return err
	}
	rekors := map[string]bool{}
	for before := uint64(0); ; {
		list, err := source.List(ctx, "", before, anchorsPage)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a server need not have any
		}
		if err != nil {
			return err
		}
		fresh, last := false, before
		for _, a := range list {
			if before > 0 && a.Size >= before {
				return fmt.Errorf("an anchor of %d leaves came, asked for those below %d", a.Size, before)
			}
			if last == 0 || a.Size < last {
				last = a.Size
			}
			if !plainName(a.Rekor) || a.Size == 0 || a.Size > f.to.Size || !rekors[a.Rekor] && len(rekors) == maxRekors {
				continue
			}
			rekors[a.Rekor] = true
			came, err := f.anchor(ctx, source, a)
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

// plainName tells whether a Rekor's name can be that of a directory.
func plainName(name string) bool {
	return name != "" && len(name) <= maxRekor && name[0] != '.' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

// anchor keeps one that is not there yet, its note last: an entry without one is none.
func (f *fetch) anchor(ctx context.Context, source evidence.Anchors, a ledgerhttp.Anchor) (came bool, err error) {
	base := f.path(anchorsDir, a.Rekor, fmt.Sprintf("%020d", a.Size))
	if _, err := os.Stat(base + ".note"); err == nil {
		return false, nil
	}
	note, err := source.Read(ctx, a.Checkpoint)
	if err != nil {
		return false, err
	}
	c, err := f.log.OpenCheckpoint(note)
	if err != nil || c.Size != a.Size {
		return false, nil
	}
	entry, err := source.Read(ctx, a.Entry)
	if err != nil {
		return false, err
	}
	if _, err := verify.ParseLogEntry(entry); err != nil {
		return false, nil
	}
	if err := errors.Join(writeFile(base+".json", entry), writeFile(base+".note", note), syncDir(filepath.Dir(base))); err != nil {
		return false, err
	}
	f.done.Anchors++
	return true, nil
}

// cosigned keeps the newest checkpoint that witnesses have cosigned.
func (f *fetch) cosigned(ctx context.Context) error {
	note, err := f.reader.CosignedNote(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := f.log.OpenCheckpoint(note)
	if err != nil || c.Size > f.to.Size {
		return err
	}
	path := f.path(cosignedDir, fmt.Sprintf("%020d.quorum", c.Size))
	return errors.Join(writeFile(path, note), syncDir(filepath.Dir(path)))
}
