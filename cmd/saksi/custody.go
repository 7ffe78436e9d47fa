package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/home"
)

// custodySuffix follows the name of a piece of evidence.
const custodySuffix = ".custody"

func custodyCommand() *cli.Command {
	var actions []string
	for _, a := range verify.CustodyActions() {
		actions = append(actions, string(a))
	}
	return &cli.Command{
		Name:     "custody",
		Usage:    "who had a piece of evidence in hand, signed by each",
		Category: "auditor",
		Subcommands: []*cli.Command{
			{
				Name:      "add",
				Usage:     "sign what is done with a piece of evidence, in FILE.custody beside it",
				ArgsUsage: "FILE",
				Description: "Signed with the home's key. Each entry goes on from the one before it, and is about this very file: give FILE.custody\n" +
					"along with FILE. What is redacted goes on from the custody of the file that it was made out of (--from).",
				Flags: []cli.Flag{homeFlag(),
					&cli.StringFlag{Name: "action", Usage: "`WHAT` is done: " + strings.Join(actions, ", ")},
					&cli.StringFlag{Name: "to", Usage: "`WHOM` it is handed to"},
					&cli.StringFlag{Name: "from", Usage: "the `FILE` out of which it was redacted", TakesFile: true},
					&cli.StringFlag{Name: "by", Usage: "`WHO` does it; the home's name unless said"},
					&cli.StringFlag{Name: "note", Usage: "`TEXT`: a case, a seal, a place"}, formatFlag(), jsonFlag()},
				Action: custodyAdd,
			},
			{
				Name:      "show",
				Usage:     "check FILE.custody against FILE, and say whose hands it went through",
				ArgsUsage: "FILE",
				Flags:     []cli.Flag{stringFlag("trust", "the trust `FILE`"), formatFlag(), jsonFlag()},
				Action:    custodyShow,
			},
		},
	}
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

// signing opens any home that signs.
func signing(dir string) (name string, _ *events.Signer, _ error) {
	if h, err := home.OpenAuthority(dir); err == nil {
		signer, err := h.Signer()
		return h.Name, signer, err
	}
	h, err := joining(dir)
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

func custodyAdd(c *cli.Context) error {
	args, err := arguments(c, "FILE")
	if err != nil {
		return err
	}
	if err := required(c, "home", "action"); err != nil {
		return err
	}
	path := args[0]
	name, signer, err := signing(homeOf(c))
	if err != nil {
		return err
	}
	e := verify.CustodyEntry{
		Action: verify.CustodyAction(c.String("action")), By: name, To: c.String("to"), Note: c.String("note"), At: time.Now(),
	}
	if c.IsSet("by") {
		e.By = c.String("by")
	}
	if e.Evidence, e.Bytes, err = digestOfFile(path); err != nil {
		return err
	}
	if err := recognize(path); err != nil {
		return err
	}
	before := path
	if from := c.String("from"); from != "" {
		digest, _, err := digestOfFile(from)
		if err != nil {
			return err
		}
		if digest == e.Evidence {
			return usage("--from %s is the same file as %s: nothing was redacted", from, path)
		}
		if err := recognize(from); err != nil {
			return err
		}
		e.From, before = &digest, from
		if _, err := os.Stat(path + custodySuffix); err == nil {
			return fmt.Errorf("%s is there already: it would begin anew", path+custodySuffix)
		}
	}
	file, err := readCustody(before)
	if err != nil {
		return err
	}
	if file, err = verify.AppendCustody(file, e, rand.Reader, signer); err != nil {
		return hinted{err, "--action handed takes --to, and redacted --from; the file must be the one that the entries before it are about"}
	}
	if err := writeWhole(path+custodySuffix, func(f *os.File) error {
		_, err := f.Write(file)
		return errors.Join(err, f.Chmod(0o644))
	}); err != nil {
		return err
	}
	return result{
		document: map[string]any{"custody": path + custodySuffix, "evidence": e.Evidence, "action": e.Action, "by": e.By, "key": signer.PublicKey().String()},
		rows: [][]any{
			{"custody", path + custodySuffix}, {"evidence", e.Evidence}, {"action", string(e.Action)}, {"by", e.By}, {"key", signer.PublicKey().String()},
		},
		note: "Whoever is to believe it has this key under \"custodians\" in the trust file.",
	}.print(c)
}

// custodyOf verifies the custody of a piece of evidence; nil if there is none.
func custodyOf(path string, digest events.Digest, size int64, trust *verify.Trust) ([]verify.StatedCustody, error) {
	file, err := readCustody(path)
	if err != nil || file == nil {
		return nil, err
	}
	list, err := verify.VerifyCustody(file, digest, size, trust)
	if err != nil {
		return nil, statusError{exitDoesNotHold, fmt.Errorf("%s does not hold: %w", path+custodySuffix, err)}
	}
	return list, nil
}

func custodyShow(c *cli.Context) error {
	args, err := arguments(c, "FILE")
	if err != nil {
		return err
	}
	trust, err := readTrust(c)
	if err != nil {
		return err
	}
	digest, size, err := digestOfFile(args[0])
	if err != nil {
		return err
	}
	list, err := custodyOf(args[0], digest, size, trust)
	switch {
	case err != nil:
		return err
	case list == nil:
		return hinted{fmt.Errorf("nothing is known of the custody of %s", args[0]), "saksi custody add begins it"}
	}
	if formatOf(c) == "table" {
		_, err := io.WriteString(c.App.Writer, verify.CustodyText(list))
		return err
	}
	out := result{document: list, columns: []string{"n", "at", "action", "by", "known", "note"}}
	for _, e := range list {
		out.rows = append(out.rows, []any{e.Number, e.At.Format(time.RFC3339), string(e.Action), e.By, yesNo(e.Known), e.Note})
	}
	return out.print(c)
}
