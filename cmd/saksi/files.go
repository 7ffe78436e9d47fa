package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/home"
)

// outputInput is the input of a command that writes a file.
type outputInput struct {
	output string
	force  bool
}

func (in *outputInput) bind(f *cmdline.Flags, usage string) *cmdline.Flag {
	f.Bool(&in.force, "force", "write over a file that is there already, unless it is one that is read")
	return f.String(&in.output, "output", usage).Also("o").File()
}

// file says where the command writes, and what it reads and must not write over.
func (in *outputInput) file(reads ...string) (outFile, error) {
	return output("output", in.output, in.force, reads...)
}

// outFile is a file that a command writes: it is there whole, or not at all, and takes the
// place of another only if that was asked for.
type outFile struct {
	path  string
	force bool
}

// output says where a command writes: to path, which flag gives. Evidence and trust files
// are what people have a single copy of, so that nothing that is read is ever written
// over, by whatever name or link it is called, and nothing else without --force. It is
// asked before there is work, and the file is looked for again when it gets its name.
func output(flag, path string, force bool, reads ...string) (outFile, error) {
	out := outFile{path, force}
	if path == "" {
		return out, nil
	}
	called := path
	if flag != "" {
		called = "--" + flag + " " + path
	}
	there, err := os.Stat(path)
	for _, name := range reads {
		if err != nil || name == "" || name == "-" {
			continue
		}
		if read, failed := os.Stat(name); failed == nil && os.SameFile(there, read) {
			return out, hint.With(cmdline.Usage("%s is the file that is read, %s: it would be gone", called, name), "give what is written another name")
		}
	}
	switch _, missing := os.Lstat(path); {
	case errors.Is(missing, fs.ErrNotExist):
		return out, nil
	case missing != nil:
		return out, missing
	case err == nil && !there.Mode().IsRegular():
		return out, cmdline.Usage("%s is no ordinary file", called)
	case !out.force:
		return out, out.isThere()
	}
	return out, nil
}

func (o outFile) isThere() error {
	return hint.With(fmt.Errorf("%s is there already", o.path), "give another name, or --force to write over it")
}

// write writes the file.
func (o outFile) write(content func(*os.File) error) error {
	if o.force {
		return writeWhole(o.path, content)
	}
	err := writeAs(durable.Create, o.path, content)
	if errors.Is(err, fs.ErrExist) {
		return o.isThere()
	}
	return err
}

// grantInput is the input of a command that writes a grant.
type grantInput struct{ output string }

func (in *grantInput) bind(f *cmdline.Flags) {
	f.String(&in.output, "output", "write the grant to `FILE`").Also("o").File().Required()
}

// write writes a grant, and says if another was there: the same command makes it again.
func (in *grantInput) write(grant *home.Grant) (note string, _ error) {
	if _, err := os.Lstat(in.output); err == nil {
		note = " The file that was there before was replaced."
	}
	return note, home.WriteJSON(in.output, grant, 0o644)
}

// writeWhole writes a file that is there whole, or not at all, in the place of any that
// was there; see [durable.Replace].
func writeWhole(path string, content func(*os.File) error) error {
	return writeAs(durable.Replace, path, content)
}

// writeAs has a file written that is begun so, and gives it its name if all went well. Its
// mode is 0600 unless the content changes it.
func writeAs(begin func(string, os.FileMode) (*durable.File, error), path string, content func(*os.File) error) error {
	f, err := begin(path, 0)
	if err != nil {
		return err
	}
	if err := content(f.File); err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Commit()
}
