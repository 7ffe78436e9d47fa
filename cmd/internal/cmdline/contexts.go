package cmdline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/hint"
)

// Context is a home by name, so that it need not be given each time.
type Context struct {
	Name string `json:"name"`
	// Home is the absolute path of a role's home.
	Home string `json:"home"`
	// Zone is the time zone in which times are read and shown there; empty for the default.
	Zone string `json:"tz,omitempty"`
}

// Contexts are a person's contexts, in a file of mode 0600 in the person's
// configuration directory. They hold no secrets: where homes are is nobody else's
// business.
type Contexts struct {
	// File is where they are kept. It need not be there.
	File string
}

// contextsFile is what stands in the file.
type contextsFile struct {
	V        int       `json:"v"`
	Current  string    `json:"current,omitempty"`
	Contexts []Context `json:"contexts"`
}

// maxContexts bounds the file, in bytes.
const maxContexts = 1 << 20

var contextName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ContextsFile returns where a person's contexts are kept: in the file that
// SAKSI_CONFIG names, else in saksi/contexts.json of XDG_CONFIG_HOME or of the
// system's directory for it. It is empty where there is no such directory.
func ContextsFile() string {
	if file := os.Getenv("SAKSI_CONFIG"); file != "" {
		return file
	}
	dir, err := os.UserConfigDir()
	if xdg := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(xdg) {
		dir, err = xdg, nil
	}
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "saksi", "contexts.json")
}

func (c *Contexts) read() (contextsFile, error) {
	none := contextsFile{V: 1, Contexts: []Context{}}
	if c.File == "" {
		return none, nil
	}
	info, err := os.Stat(c.File)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read contexts: %w", err)
	}
	if info.Size() > maxContexts {
		return none, fmt.Errorf("read contexts: %s is too large (%d bytes)", c.File, info.Size())
	}
	text, err := os.ReadFile(c.File)
	if err != nil {
		return none, fmt.Errorf("read contexts: %w", err)
	}
	var f contextsFile
	if err := json.Unmarshal(text, &f); err != nil || f.V != 1 {
		return none, hint.With(fmt.Errorf("%s is not a file of contexts", c.File), "remove it, and make the contexts again with saksi context add; homes are not touched")
	}
	return f, nil
}

func (c *Contexts) write(f contextsFile) error {
	if c.File == "" {
		return hint.With(errors.New("there is no directory for contexts"), "name a file for them in SAKSI_CONFIG")
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write contexts: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(c.File), 0o700); err != nil {
		return fmt.Errorf("write contexts: %w", err)
	}
	if err := durable.WriteFile(c.File, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write contexts: %w", err)
	}
	return nil
}

// All returns all contexts, by name, and the name of the current one.
func (c *Contexts) All() (list []Context, current string, _ error) {
	f, err := c.read()
	slices.SortFunc(f.Contexts, func(a, b Context) int { return strings.Compare(a.Name, b.Name) })
	return f.Contexts, f.Current, err
}

// Current returns the current context; nil if there is none.
func (c *Contexts) Current() (*Context, error) {
	f, err := c.read()
	if err != nil || f.Current == "" {
		return nil, err
	}
	return f.find(f.Current)
}

// Find returns the context of a name.
func (c *Contexts) Find(name string) (*Context, error) {
	f, err := c.read()
	if err != nil {
		return nil, err
	}
	return f.find(name)
}

func (f contextsFile) find(name string) (*Context, error) {
	var names []string
	for _, one := range f.Contexts {
		if one.Name == name {
			return &one, nil
		}
		names = append(names, one.Name)
	}
	do := "saksi context list lists them, saksi context add makes one"
	if asked := hint.DidYouMean(name, names); asked != "" {
		do = asked + " " + do
	}
	return nil, hint.With(fmt.Errorf("there is no context %q", name), do)
}

// Add keeps a context. One of the same name is replaced only if replace is true. The
// first one becomes the current one.
func (c *Contexts) Add(one Context, replace bool) error {
	if !contextName.MatchString(one.Name) {
		return hint.With(Usage("%q is no name for a context", one.Name), "want letters, digits, dots, dashes and underscores, 64 at most")
	}
	if one.Zone != "" {
		if _, err := loadZone(one.Zone); err != nil {
			return err
		}
	}
	f, err := c.read()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(f.Contexts, func(known Context) bool { return known.Name == one.Name })
	switch {
	case i < 0:
		f.Contexts = append(f.Contexts, one)
	case !replace:
		return hint.Withf(fmt.Errorf("the context %s is there already, for %s", one.Name, f.Contexts[i].Home), "give another name, or --force to replace it")
	default:
		f.Contexts[i] = one
	}
	if f.Current == "" {
		f.Current = one.Name
	}
	return c.write(f)
}

// Use makes a context the current one. An empty name leaves none current.
func (c *Contexts) Use(name string) error {
	f, err := c.read()
	if err != nil {
		return err
	}
	if name != "" {
		if _, err := f.find(name); err != nil {
			return err
		}
	}
	f.Current = name
	return c.write(f)
}
