// Builds the program that holds a pod's namespaces open.
module slmeval.dev/hack/cluster/pause

go 1.24.0
