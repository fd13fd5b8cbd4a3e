//! What a schema comes to when its references are followed.

use std::collections::HashMap;

use super::node::{Check, Edge, Node, NodeId};

/// How large a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Nodes, each as often as references lead to it. [`u64::MAX`]: that, or more.
    pub nodes: u64,
    /// Nodes inside one another.
    pub nesting: usize,
}

/// The nodes of a schema and what a dynamic reference may lead to, by its name.
pub struct Graph<'s> {
    pub nodes: &'s [Node],
    pub dynamic: &'s HashMap<Box<str>, Vec<NodeId>>,
}

/// A node on the way from the root, and where it leads.
struct Step {
    node: usize,
    targets: Vec<usize>,
    next: usize,
}

/// How far a node is looked at.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    /// On the way from the root to the node that is being looked at.
    Entered,
    Left,
}

impl Graph<'_> {
    /// A node that leads back to itself without going into the value: checking it would never end.
    pub fn endless(&self) -> Option<NodeId> {
        let same = |edge: &Edge| matches!(edge, Edge::Same(_));
        let mut endless = None;
        let mut leave = |node: usize, leads_back: bool, _: &[usize]| {
            if leads_back {
                endless.get_or_insert(node);
            }
        };
        let mut marks = vec![Mark::New; self.nodes.len()];
        for root in 0..self.nodes.len() {
            self.walk(root, same, &mut marks, &mut leave);
        }
        endless.and_then(|node| u32::try_from(node).ok()).map(NodeId)
    }

    /// The size of the schema that begins at `root`.
    pub fn size(&self, root: NodeId) -> Size {
        let root = root.0 as usize;
        let mut sizes = vec![Size { nodes: 1, nesting: 1 }; self.nodes.len()];
        let mut leave = |node: usize, _: bool, targets: &[usize]| {
            let (mut nodes, mut nesting) = (1_u64, 0);
            for target in targets {
                nodes = nodes.saturating_add(sizes[*target].nodes);
                nesting = nesting.max(sizes[*target].nesting);
            }
            sizes[node] = Size { nodes, nesting: nesting + 1 };
        };
        let mut marks = vec![Mark::New; self.nodes.len()];
        self.walk(root, |_| true, &mut marks, &mut leave);
        sizes[root]
    }

    /// Goes through all that `root` leads to by these edges, as far as it is new, and calls `leave`
    /// with each node after those that it leads to: whether it leads back to a node on the way to
    /// it, and where it leads. Not recursive: a chain of references may be long.
    fn walk(
        &self,
        root: usize,
        follow: impl Fn(&Edge) -> bool,
        marks: &mut [Mark],
        leave: &mut dyn FnMut(usize, bool, &[usize]),
    ) {
        let step = |node| Step { node, targets: self.targets(node, &follow), next: 0 };
        if marks[root] != Mark::New {
            return;
        }
        marks[root] = Mark::Entered;
        let mut way = vec![step(root)];
        while let Some(here) = way.last_mut() {
            if let Some(&target) = here.targets.get(here.next) {
                here.next += 1;
                if marks[target] == Mark::New {
                    marks[target] = Mark::Entered;
                    way.push(step(target));
                }
                continue;
            }
            let leads_back = here.targets.iter().any(|target| marks[*target] == Mark::Entered);
            leave(here.node, leads_back, &here.targets);
            marks[here.node] = Mark::Left;
            way.pop();
        }
    }

    fn targets(&self, node: usize, follow: &impl Fn(&Edge) -> bool) -> Vec<usize> {
        let mut targets = Vec::new();
        for check in &self.nodes[node].checks {
            let edges = check.edges();
            targets.extend(edges.iter().filter(|&edge| follow(edge)).map(Edge::target));
            if let Check::Dynamic(name, _) = check
                && follow(&edges[0])
            {
                let anchors = self.dynamic.get(name).into_iter().flatten();
                targets.extend(anchors.map(|node| node.0 as usize));
            }
        }
        targets
    }
}

impl Edge {
    fn target(&self) -> usize {
        let (Self::Same(node) | Self::Inside(node)) = self;
        node.0 as usize
    }
}
