// Package home is the directory of a role: its keys, credentials, addresses, and the
// files that pass between operators and authorities.
//
// A home belongs to one role on one machine. Secrets in it are files of mode
// 0600 in a directory of mode 0700, written once; nothing here prints them, and
// nothing but the home's owner reads them. A signing key may also be encrypted, or be
// in an ssh-agent: the environment says where the passphrase or the agent is
// (SAKSI_PASSPHRASE_FILE, SAKSI_PASSPHRASE_FD, SSH_AUTH_SOCK). What is signed or published with them
// happens elsewhere.
//
// Not here: signing and publishing, and output: nothing here prints a secret.
package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

var (
	// ErrNoHome means that a directory is nobody's home.
	ErrNoHome = errors.New("no home")
	// ErrOtherRole is wrapped where a home is of another role than was asked for.
	ErrOtherRole = errors.New("the home is another role's")
)

// Role is whose home a directory is.
type Role string

// The roles that have homes.
const (
	RoleAuthority Role = "authority"
	RoleOperator  Role = "operator"
	RoleReader    Role = "reader"
	// RoleMember is an authority's that has a seat in a ledger which another one runs.
	RoleMember Role = "seat"
	// RoleWitness is of whoever cosigns ledgers' checkpoints.
	RoleWitness Role = "witness"
)

func (r Role) some() string {
	switch r {
	case RoleReader, RoleWitness:
		return "a " + string(r)
	case RoleMember:
		return "a member authority in another's ledger"
	}
	return "an " + string(r)
}

// Identity is saksi.json: whose home this is. It is written last, so a directory
// without it was not finished.
type Identity struct {
	V    int    `json:"v"`
	Role Role   `json:"role"`
	Name string `json:"name"`
	// Origin and Jurisdiction are an authority's: of the ledger it made.
	Origin       string `json:"origin,omitempty"`
	Jurisdiction string `json:"jurisdiction,omitempty"`
}

const (
	identityFile = "saksi.json"
	keysDir      = "keys"
)

// begin makes an empty directory ready for a home.
func begin(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, identityFile)); err == nil {
		return hint(fmt.Errorf("%s is a home already", dir), "choose a new directory; what this one is, its saksi.json says")
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return hint(fmt.Errorf("%s is not empty", dir), "choose an empty or new directory; remove this one if an earlier attempt left it")
	}
	return durable.MkdirAll(filepath.Join(dir, keysDir), 0o700)
}

func open(dir string, role Role) (Identity, error) {
	var id Identity
	err := readJSON(filepath.Join(dir, identityFile), &id)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return id, hint(fmt.Errorf("%s: %w", dir, ErrNoHome), "say which directory with --home or SAKSI_HOME; an authority makes one with saksi init, operators and readers with saksi enrol")
	case err != nil:
		return id, fmt.Errorf("open home %s: %w", dir, err)
	case id.Role != role:
		return id, otherRole{hint(fmt.Errorf("%s is the home of %s, and this needs one of %s", dir, id.Role.some(), role.some()), "say which directory with --home or SAKSI_HOME")}
	}
	return id, nil
}

// readSecret reads a file that must be its owner's alone.
func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, hint(fmt.Errorf("read key %s: others may read it (mode %04o)", path, info.Mode().Perm()), "chmod 600 "+path+", and think about who has read it")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return trimLine(text), nil
}

// writeNew writes a secret or an identity: it must not be there yet, and is
// durable when it returns.
func writeNew(path string, b []byte) error { return durable.WriteNew(path, b, 0o600) }

// WriteJSON writes v, indented, to a file whole or not at all.
func WriteJSON(path string, v any, mode os.FileMode) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := durable.WriteFile(path, append(b, '\n'), mode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// maxJSON bounds the JSON files that are read here.
const maxJSON = 1 << 20

func readJSON(path string, v any) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > maxJSON {
		return fmt.Errorf("%s is too large (%d bytes)", path, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// otherRole is an [ErrOtherRole] in words of its own.
type otherRole struct{ error }

func (otherRole) Is(target error) bool { return target == ErrOtherRole }
func (o otherRole) Unwrap() error      { return o.error }

// hinted is an error that says what to do.
type hinted struct {
	error
	what string
}

func hint(err error, what string) error { return hinted{err, what} }

func (h hinted) Unwrap() error { return h.error }

// Hint returns what to do about the error.
func (h hinted) Hint() string { return h.what }
