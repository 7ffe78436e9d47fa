// Package schemas has the contract as data: the JSON Schemas of events, valid and
// invalid examples, and the admission rule sets that name them by digest.
//
// It embeds files and hands them out. It does not validate, parse events or know what a type means, and it imports
// nothing of the project.
//
// Not here: validation, parsing, and the meaning of types. The package embeds files and
// imports nothing of the project.
package schemas

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed events/*.json earlier/*.json examples rulesets/*.json
var files embed.FS

// EventName names the schema of a whole event line, which is no event type.
const EventName = "event"

// EventLine returns the JSON Schema of a whole event line: the CloudEvents attributes and, unjudged, data.
func EventLine() []byte {
	b, _ := read("events/" + EventName + ".json")
	return b
}

// Event returns the JSON Schema of the data of an event type.
func Event(eventType string) ([]byte, bool) {
	if eventType == EventName {
		return nil, false
	}
	return read("events/" + eventType + ".json")
}

// Types returns the event types that have a schema, sorted.
func Types() []string {
	var types []string
	for _, p := range glob("events/*.json") {
		if name := strings.TrimSuffix(path.Base(p), ".json"); name != EventName {
			types = append(types, name)
		}
	}
	return types
}

// ByDigest returns the schema, of whatever type or version, whose bytes have this digest ("sha256:" and hex).
// A rule set names schemas so. Where a type got another schema, the one that an adopted rule set names is kept in
// earlier/, byte for byte.
func ByDigest(digest string) ([]byte, bool) {
	return byDigest(digest, "events", "earlier")
}

// Digest returns the name that rule sets and genesis use for a file's bytes.
func Digest(file []byte) string {
	sum := sha256.Sum256(file)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// names are the files by their digests. The files are part of the program, so that one
// reading is enough.
var names = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, pattern := range []string{"events/*.json", "earlier/*.json", "rulesets/*.json"} {
		for _, p := range glob(pattern) {
			if b, ok := read(p); ok {
				all[Digest(b)] = p
			}
		}
	}
	return all
})

// byDigest returns the file that has the digest, if it is in one of the directories.
func byDigest(digest string, dirs ...string) ([]byte, bool) {
	name, ok := names()[digest]
	if !ok || !slices.Contains(dirs, path.Dir(name)) {
		return nil, false
	}
	return read(name)
}

func read(name string) ([]byte, bool) {
	b, err := files.ReadFile(name)
	return b, err == nil
}

func glob(pattern string) []string {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		panic(err)
	}
	return names
}
