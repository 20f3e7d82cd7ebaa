// SPDX-License-Identifier: GPL-3.0-or-later

package collection_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules"
	"github.com/stackwatch/ansible-monitoring/modules/collection"
)

var update = flag.Bool("update", false, "write the generated files anew")

const root = "../.."

// TestGeneratedFilesAreFresh compares what is committed with what would be generated now.
func TestGeneratedFilesAreFresh(t *testing.T) {
	t.Parallel()
	files, err := collection.Files(modules.All())
	require.NoError(t, err)
	for name, content := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, content, 0o644))
		}
		have, err := os.ReadFile(file)
		if assert.NoError(t, err, "run `%s`", collection.Command) {
			assert.Equal(t, string(content), string(have), "%s is stale: run `%s`", name, collection.Command)
		}
	}
	err = filepath.WalkDir(filepath.Join(root, "plugins"), func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil || !collection.Stale(files, filepath.ToSlash(name)) {
			return err
		}
		if *update {
			return os.Remove(file)
		}
		t.Errorf("%s belongs to no module: run `%s`", name, collection.Command)
		return nil
	})
	require.NoError(t, err)
}
