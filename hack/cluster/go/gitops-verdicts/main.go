// SPDX-License-Identifier: Apache-2.0

// Command gitops-verdicts says what GitOps tools make of Kubernetes objects, by their own code.
//
// It reads a List from standard input. Its argument is a file with Argo CD's ConfigMap, argocd-cm,
// which holds the health scripts. It prints a JSON list with two verdicts for each object: that of
// kstatus, which is Flux's, and that of Argo CD.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	appv1 "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

type said struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type verdict struct {
	Kstatus said `json:"kstatus"`
	ArgoCD  said `json:"argocd"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gitops-verdicts:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("want one argument, a file with argocd-cm")
	}
	scripts, err := scriptsOf(os.Args[1])
	if err != nil {
		return err
	}
	// Through the type that Argo CD and Flux read into: a number becomes an int64, not a float.
	var list unstructured.UnstructuredList
	if err := json.NewDecoder(os.Stdin).Decode(&list); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	verdicts := make([]verdict, 0, len(list.Items))
	for i := range list.Items {
		found, err := judge(&list.Items[i], scripts)
		if err != nil {
			return fmt.Errorf("%s %s: %w", list.Items[i].GetKind(), list.Items[i].GetName(), err)
		}
		verdicts = append(verdicts, found)
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}

// scriptsOf returns the health scripts of a ConfigMap as Argo CD keys them: by group/kind.
func scriptsOf(path string) (lua.ResourceHealthOverrides, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var configMap corev1.ConfigMap
	if err := yaml.UnmarshalStrict(text, &configMap); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	scripts := lua.ResourceHealthOverrides{}
	for key, script := range configMap.Data {
		if groupKind, found := strings.CutPrefix(key, "resource.customizations.health."); found {
			group, kind, _ := strings.Cut(groupKind, "_")
			scripts[group+"/"+kind] = appv1.ResourceOverride{HealthLua: script}
		}
	}
	return scripts, nil
}

func judge(object *unstructured.Unstructured, scripts lua.ResourceHealthOverrides) (verdict, error) {
	computed, err := status.Compute(object)
	if err != nil {
		return verdict{}, fmt.Errorf("kstatus: %w", err)
	}
	found := verdict{Kstatus: said{computed.Status.String(), computed.Message}}
	healthy, err := health.GetResourceHealth(object, scripts)
	if err != nil {
		return verdict{}, fmt.Errorf("Argo CD: %w", err)
	}
	if healthy != nil { // nil: Argo CD has no opinion, as of a ConfigMap
		found.ArgoCD = said{string(healthy.Status), healthy.Message}
	}
	return found, nil
}
