// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"crypto/sha1" //nolint:gosec // the server's choice, for the names of files
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// audit finds the objects that the task is about and that have no file on the server: these vanish when it is restarted.
func (p *provider) audit(ctx context.Context, have []reconcile.Found[Object]) error {
	files, err := p.files(ctx)
	if err != nil {
		return permission(fmt.Errorf("listing the files of the server: %w", err), "config/query")
	}
	var fileless []string
	for _, o := range have {
		if o.Known.pkg == apiPackage && !files[filePath(o.Known.kind, o.ID)] {
			fileless = append(fileless, o.ID)
		}
	}
	slices.Sort(fileless)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(fileless) > 0 && !slices.Equal(fileless, p.fileless) {
		p.warn("%d objects have no file on the server and will be gone when it restarts; delete and create them anew: %s",
			len(fileless), reconcile.Enumerate(fileless, 10))
	}
	p.fileless = fileless
	return nil
}

// filePath is where the server keeps an object that was made through the API. Long names of downtimes and comments, which hold those of what they
// are about, are cut.
func filePath(k kind, full string) string {
	name := fileName(full)
	if (k == downtimeKind || k == commentKind) && len(name) > longestCut {
		sum := sha1.Sum([]byte(name)) //nolint:gosec // as above
		name = name[:keptOfCut] + "..." + hex.EncodeToString(sum[:])
	}
	return "conf.d/" + k.plural() + "/" + name + ".conf"
}

// keptOfCut is how much of a name is kept that is cut, before three dots and a digest, and longestCut how long all that is.
const (
	keptOfCut  = 80
	longestCut = keptOfCut + len("...") + 2*sha1.Size
)

// files gives the paths of the files that the server keeps for what was made through the API:
// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#list-configuration-packages-and-their-stages
func (c *client) files(ctx context.Context) (map[string]bool, error) {
	var packages struct {
		Results []struct {
			Name   string `json:"name"`
			Active string `json:"active-stage"`
		} `json:"results"`
	}
	if err := c.do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"config", "packages"}}, &packages); err != nil {
		return nil, err
	}
	files := map[string]bool{}
	for _, p := range packages.Results {
		if p.Name != apiPackage || p.Active == "" {
			continue
		}
		var stage struct {
			Results []struct {
				Name string `json:"name"`
				Type string `json:"type"`
			} `json:"results"`
		}
		if err := c.do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"config", "stages", apiPackage, p.Active}}, &stage); err != nil {
			return nil, err
		}
		for _, file := range stage.Results {
			if strings.HasSuffix(file.Name, ".conf") {
				files[file.Name] = true
			}
		}
	}
	return files, nil
}
