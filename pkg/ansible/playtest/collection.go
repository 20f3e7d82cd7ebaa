// SPDX-License-Identifier: GPL-3.0-or-later

package playtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
)

// Collection makes the checkout's collection, for this machine alone, when it is first asked for. Remove it in TestMain.
type Collection struct {
	once sync.Once
	dir  string
	err  error
}

// Dir gives a folder for ANSIBLE_COLLECTIONS_PATH in which the collection is.
func (c *Collection) Dir(t testing.TB) string {
	t.Helper()
	c.once.Do(func() { c.dir, c.err = stage(ansibletest.Root(t)) })
	if c.err != nil {
		t.Fatalf("making the collection: %v", c.err)
	}
	return c.dir
}

// Remove deletes what was made.
func (c *Collection) Remove() error {
	if c.dir == "" {
		return nil
	}
	return os.RemoveAll(c.dir)
}

func stage(root string) (string, error) {
	dir, err := os.MkdirTemp("", "playtest-collection-")
	if err != nil {
		return "", err
	}
	if output, err := exec.Command(filepath.Join(root, ".ci", "stage"), dir).CombinedOutput(); err != nil {
		return dir, fmt.Errorf(".ci/stage: %w\n%s", err, output)
	}
	return dir, nil
}
