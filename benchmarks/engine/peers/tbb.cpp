// oneTBB on the shapes of shapes.hpp, in the two ways its manual offers for a graph known beforehand:
//
//   oneTBB             a flow graph, one continue_node a task, one edge an input
//   oneTBB task_group  our own counters over the edge arrays, ready tasks given to a task_group
//
// The second is not a graph library but the least that oneTBB's work stealing can cost; it runs the first child that
// becomes ready itself, as graphrun does. The lightweight policy of continue_node is left out: it runs children on the
// parent's stack, which a chain of 100,000 overflows.
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <deque>

#include "shapes.hpp"

namespace flow = oneapi::tbb::flow;
using Node = flow::continue_node<flow::continue_msg>;

static std::string version() {
    return std::to_string(TBB_VERSION_MAJOR) + "." + std::to_string(TBB_VERSION_MINOR);
}

template <typename Body>
static void forEach(const std::vector<uint32_t>& tasks, Body body) {
    oneapi::tbb::parallel_for(oneapi::tbb::blocked_range<size_t>(0, tasks.size()), [&](const auto& range) {
        for (size_t at = range.begin(); at < range.end(); at++) body(tasks[at]);
    });
}

static void runFlowGraph(const Shape& shape, const Graph& graph, const Options& options) {
    Work work(graph);
    const double begin = secondsNow();
    flow::graph flowGraph;
    std::deque<Node> nodes;  // a node may not move
    for (uint32_t task = 0; task < graph.taskCount(); task++) {
        nodes.emplace_back(flowGraph, [&work, task](const flow::continue_msg&) { work.run(task); });
        for (uint32_t at = graph.inputOffsets[task]; at < graph.inputOffsets[task + 1]; at++)
            flow::make_edge(nodes[graph.inputs[at]], nodes[task]);
    }
    const double secondsBuild = secondsNow() - begin;
    report("oneTBB", version(), shape, graph, work, options, secondsBuild, [] {}, [&] {
        forEach(graph.roots, [&](uint32_t root) { nodes[root].try_put(flow::continue_msg()); });
        flowGraph.wait_for_all();
    });
}

class Counters {
public:
    Counters(const Graph& graph, Work& work) : graph(graph), work(work), missing(graph.taskCount()) {}

    void reset() {
        for (uint32_t task = 0; task < graph.taskCount(); task++)
            missing[task].store(graph.inputCount(task), std::memory_order_relaxed);
    }

    void run() {
        forEach(graph.roots, [this](uint32_t root) { runFrom(root); });
        group.wait();
    }

private:
    void runFrom(uint32_t task) {
        const uint32_t none = UINT32_MAX;
        while (task != none) {
            work.run(task);
            uint32_t next = none;
            for (uint32_t at = graph.dependentOffsets[task]; at < graph.dependentOffsets[task + 1]; at++) {
                const uint32_t dependent = graph.dependents[at];
                if (missing[dependent].fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
                if (next == none) next = dependent;
                else group.run([this, dependent] { runFrom(dependent); });
            }
            task = next;
        }
    }

    const Graph& graph;
    Work& work;
    std::vector<std::atomic<uint32_t>> missing;
    oneapi::tbb::task_group group;
};

static void runTaskGroup(const Shape& shape, const Graph& graph, const Options& options, double secondsBuild) {
    Work work(graph);
    Counters counters(graph, work);
    report("oneTBB task_group", version(), shape, graph, work, options, secondsBuild, [&] { counters.reset(); },
           [&] { counters.run(); });
}

int main(int count, char** words) {
    const Options options(count, words);
    oneapi::tbb::global_control limit(oneapi::tbb::global_control::max_allowed_parallelism, options.workers);
    oneapi::tbb::task_arena arena(int(options.workers));
    for (const Shape& shape : shapes) {
        if (!options.wants(shape)) continue;
        const double begin = secondsNow();
        const Graph graph = shape.make(options.seed);
        const double secondsBuild = secondsNow() - begin;
        // Inside the arena: a flow graph belongs to the arena in which it is made.
        arena.execute([&] { runFlowGraph(shape, graph, options); });
        arena.execute([&] { runTaskGroup(shape, graph, options, secondsBuild); });
    }
}
