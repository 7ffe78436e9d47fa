package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// RoleOf returns whose home a directory is. The error of one that is nobody's wraps
// [ErrNoHome].
func RoleOf(dir string) (Role, error) {
	var id Identity
	err := readJSON(filepath.Join(dir, identityFile), &id)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "", hint(fmt.Errorf("%s: %w", dir, ErrNoHome), "an authority makes one with saksi init, operators and readers with saksi enrol")
	case err != nil:
		return "", fmt.Errorf("open home %s: %w", dir, err)
	}
	return id.Role, nil
}
