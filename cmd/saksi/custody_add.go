package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/home"
)

// custodySuffix follows the name of a piece of evidence.
const custodySuffix = ".custody"

type custodyAddInput struct {
	atHome
	file, action, to, from, by, note string
}

func custodyAdd() cmdline.Command {
	var actions []string
	for _, a := range verify.CustodyActions() {
		actions = append(actions, string(a))
	}
	return cmdline.New(cmdline.Command{
		Path: "custody add", Roles: []string{auditor, regulator},
		Summary: "sign what is done with a piece of evidence, in FILE.custody beside it",
		Text: "Signed with the home's key. Each entry continues the one before it, and is about this very file: give FILE.custody along with FILE. What is " +
			"redacted continues the custody of the file that it was made out of (--from).",
		Examples: []string{
			"saksi custody add --home authority --action handed --to 'Sessions Court KL' visit.saksi",
			"saksi custody add --home authority --action redacted --from visits.saksi public.saksi",
		},
	}, func(in *custodyAddInput, f *cmdline.Flags) {
		f.Argument(&in.file, "FILE").File()
		f.String(&in.action, "action", "what is done, the `ACTION`: "+strings.Join(actions, ", ")).Required().Complete(cmdline.OneOf(actions...))
		f.String(&in.to, "to", "to `WHOM` it is handed")
		f.String(&in.from, "from", "the `FILE` out of which it was redacted").File()
		f.String(&in.by, "by", "`WHO` does it (default: the home's name)")
		f.String(&in.note, "note", "a `TEXT`: a case, a seal, a place")
		in.atHome.bind(f)
	}, runCustodyAdd)
}

func runCustodyAdd(_ context.Context, s *cmdline.Session, in *custodyAddInput) (*cmdline.Result, error) {
	path := in.file
	name, signer, err := openSigner(in.home)
	if err != nil {
		return nil, err
	}
	e := verify.CustodyEntry{Action: verify.CustodyAction(in.action), By: name, To: in.to, Note: in.note, At: time.Now()}
	if s.Given("by") {
		e.By = in.by
	}
	if e.Evidence, e.Bytes, err = digestOfFile(path); err != nil {
		return nil, err
	}
	if err := recognize(path); err != nil {
		return nil, err
	}
	before := path
	if in.from != "" {
		digest, _, err := digestOfFile(in.from)
		if err != nil {
			return nil, err
		}
		if digest == e.Evidence {
			return nil, cmdline.Usage("--from %s is the same file as %s: nothing was redacted", in.from, path)
		}
		if err := recognize(in.from); err != nil {
			return nil, err
		}
		e.From, before = &digest, in.from
		if _, err := os.Stat(path + custodySuffix); err == nil {
			return nil, fmt.Errorf("%s is there already: it would begin anew", path+custodySuffix)
		}
	}
	file, err := readCustody(before)
	if err != nil {
		return nil, err
	}
	if file, err = verify.AppendCustody(file, e, rand.Reader, signer); err != nil {
		return nil, hint.With(err, "--action handed takes --to, and redacted --from; the file must be the one that the entries before it are about")
	}
	if err := writeWhole(path+custodySuffix, func(f *os.File) error {
		_, err := f.Write(file)
		return errors.Join(err, f.Chmod(0o644))
	}); err != nil {
		return nil, err
	}
	key := signer.PublicKey().String()
	out := cmdline.Pairs(map[string]any{"custody": path + custodySuffix, "evidence": e.Evidence, "action": e.Action, "by": e.By, "key": key},
		"custody", path+custodySuffix, "evidence", e.Evidence, "action", string(e.Action), "by", e.By, "key", key)
	out.Note = "Whoever is to believe it has this key under \"custodians\" in the trust file."
	return out, nil
}

// openSigner opens any home that signs.
func openSigner(dir string) (name string, _ *events.Signer, _ error) {
	if h, err := home.OpenAuthority(dir); err == nil {
		signer, err := h.Signer()
		return h.Name, signer, err
	}
	h, err := openParty(dir)
	if err != nil {
		return "", nil, err
	}
	grant, err := h.Grant()
	if err != nil {
		return "", nil, err
	}
	signer, err := h.Signer()
	return grant.Name, signer, err
}

// readCustody reads the custody of a piece of evidence; nothing if there is none.
func readCustody(path string) ([]byte, error) {
	f, err := os.Open(path + custodySuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, verify.MaxCustody+1))
}

// recognize refuses a file that is no evidence: custody of it would say nothing.
func recognize(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := verify.Recognize(f, info.Size()); err != nil {
		return doesNotHold(path, err)
	}
	return nil
}
