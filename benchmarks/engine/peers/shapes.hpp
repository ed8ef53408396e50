// The graphs that every program of this benchmark builds; ../README.md defines them in words.
//
// A graph is two arrays of edges in compressed rows, tasks numbered so that every input has a smaller number than the
// task that reads it. `Work` is what a task does in every program: read its inputs, store their sum plus one, and let
// go of the inputs; the last reader of a value clears it, as a scheduler would free it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

struct Graph {
    std::vector<uint32_t> inputOffsets{0}, inputs;
    std::vector<uint32_t> dependentOffsets, dependents;
    std::vector<uint32_t> roots, sinks;

    uint32_t taskCount() const { return uint32_t(inputOffsets.size() - 1); }
    uint32_t inputCount(uint32_t task) const { return inputOffsets[task + 1] - inputOffsets[task]; }
    uint32_t dependentCount(uint32_t task) const { return dependentOffsets[task + 1] - dependentOffsets[task]; }

    void closeTask() { inputOffsets.push_back(uint32_t(inputs.size())); }

    /// Turns the edges round; call it once, after the last task.
    void closeGraph() {
        const uint32_t count = taskCount();
        dependentOffsets.assign(count + 1, 0);
        for (uint32_t input : inputs) dependentOffsets[input + 1]++;
        for (uint32_t task = 0; task < count; task++) dependentOffsets[task + 1] += dependentOffsets[task];
        dependents.resize(inputs.size());
        std::vector<uint32_t> next(dependentOffsets.begin(), dependentOffsets.end() - 1);
        for (uint32_t task = 0; task < count; task++) {
            for (uint32_t at = inputOffsets[task]; at < inputOffsets[task + 1]; at++) dependents[next[inputs[at]]++] = task;
            if (inputCount(task) == 0) roots.push_back(task);
        }
        for (uint32_t task = 0; task < count; task++)
            if (dependentCount(task) == 0) sinks.push_back(task);
    }
};

inline uint64_t splitmix64(uint64_t x) {
    x += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

/// Layers of equal width; `addInputs(layer, column, add)` names the columns of the layer before.
template <typename AddInputs>
Graph layers(uint32_t width, uint32_t depth, AddInputs addInputs) {
    Graph graph;
    for (uint32_t layer = 0; layer < depth; layer++) {
        for (uint32_t column = 0; column < width; column++) {
            if (layer > 0)
                addInputs(layer, column, [&](uint32_t parent) { graph.inputs.push_back((layer - 1) * width + parent); });
            graph.closeTask();
        }
    }
    graph.closeGraph();
    return graph;
}

inline Graph makeIndependent(uint64_t) {
    Graph graph;
    for (uint32_t task = 0; task < 1'000'000; task++) graph.closeTask();
    graph.closeGraph();
    return graph;
}

inline Graph makeChain(uint64_t) {
    Graph graph;
    for (uint32_t task = 0; task < 100'000; task++) {
        if (task > 0) graph.inputs.push_back(task - 1);
        graph.closeTask();
    }
    graph.closeGraph();
    return graph;
}

inline Graph makeTree(uint64_t) {
    const uint32_t leaves = 1 << 17;
    Graph graph;
    for (uint32_t leaf = 0; leaf < leaves; leaf++) graph.closeTask();
    for (uint32_t inner = 0; inner + 1 < leaves; inner++) {
        graph.inputs.push_back(2 * inner);
        graph.inputs.push_back(2 * inner + 1);
        graph.closeTask();
    }
    graph.closeGraph();
    return graph;
}

inline Graph makeLayered(uint64_t seed) {
    const uint32_t width = 1000;
    return layers(width, 100, [=](uint32_t layer, uint32_t column, auto add) {
        uint32_t chosen[3];
        for (uint32_t k = 0; k < 3; k++) {
            uint64_t task = uint64_t(layer) * width + column;
            uint32_t parent = uint32_t(splitmix64(seed + task * 3 + k) % width);
            while (std::find(chosen, chosen + k, parent) != chosen + k) parent = (parent + 1) % width;
            chosen[k] = parent;
            add(parent);
        }
    });
}

inline Graph makeStencil(uint64_t) {
    const uint32_t width = 1000;
    return layers(width, 100, [=](uint32_t, uint32_t column, auto add) {
        if (column > 0) add(column - 1);
        add(column);
        if (column + 1 < width) add(column + 1);
    });
}

inline Graph makeFFT(uint64_t) {
    const uint32_t width = 1024;
    return layers(width, 100, [=](uint32_t layer, uint32_t column, auto add) {
        const uint32_t stride = 1u << ((layer - 1) % 10);
        add(column);
        if (column >= stride) add(column - stride);
        if (column + stride < width) add(column + stride);
    });
}

inline Graph makeAllToAll(uint64_t) {
    const uint32_t width = 64;
    return layers(width, 100, [=](uint32_t, uint32_t, auto add) {
        for (uint32_t parent = 0; parent < width; parent++) add(parent);
    });
}

struct Shape {
    const char* name;
    Graph (*make)(uint64_t seed);
};

inline const std::vector<Shape> shapes = {
    {"independent", makeIndependent}, {"chain", makeChain}, {"tree", makeTree}, {"layered", makeLayered},
    {"stencil", makeStencil},         {"fft", makeFFT},     {"all_to_all", makeAllToAll},
};

/// The values of one run and who still needs them.
class Work {
public:
    explicit Work(const Graph& graph) : graph(graph), values(graph.taskCount()), readers(graph.taskCount()) { reset(); }

    void reset() {
        std::fill(values.begin(), values.end(), 0);
        for (uint32_t task = 0; task < graph.taskCount(); task++)
            readers[task].store(graph.dependentCount(task), std::memory_order_relaxed);
    }

    void run(uint32_t task) {
        const uint32_t *first = graph.inputs.data() + graph.inputOffsets[task],
                       *last = graph.inputs.data() + graph.inputOffsets[task + 1];
        uint64_t sum = 1;
        for (auto input = first; input < last; input++) sum += values[*input];
        values[task] = sum;
        for (auto input = first; input < last; input++)
            if (readers[*input].fetch_sub(1, std::memory_order_acq_rel) == 1) values[*input] = 0;
    }

    /// The sum of what is left, which is the value of every task that nobody reads; wraps at 64 bits.
    uint64_t checksum() const {
        uint64_t sum = 0;
        for (uint64_t value : values) sum += value;
        return sum;
    }

private:
    const Graph& graph;
    std::vector<uint64_t> values;
    std::vector<std::atomic<uint32_t>> readers;
};

inline double secondsNow() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Options {
    unsigned workers = std::max(1u, std::thread::hardware_concurrency());
    unsigned repeat = 5;
    uint64_t seed = 1;
    std::string shape;

    Options(int count, char** words) {
        for (int at = 1; at < count; at += 2) {
            const std::string name = words[at];
            const char* value = at + 1 < count ? words[at + 1] : "";
            if (name == "--workers" && std::atoi(value) > 0) workers = unsigned(std::atoi(value));
            else if (name == "--repeat" && std::atoi(value) > 0) repeat = unsigned(std::atoi(value));
            else if (name == "--seed" && *value) seed = std::strtoull(value, nullptr, 10);
            else if (name == "--shape" && isShape(value)) shape = value;
            else {
                std::fprintf(stderr, "usage: %s [--workers N] [--repeat N] [--seed N] [--shape NAME]\n", words[0]);
                std::exit(64);
            }
        }
    }

    bool wants(const Shape& candidate) const { return shape.empty() || shape == candidate.name; }

private:
    static bool isShape(const char* name) {
        return std::any_of(shapes.begin(), shapes.end(), [=](const Shape& shape) { return !std::strcmp(shape.name, name); });
    }
};

/// Runs `run` `options.repeat` times and prints the fastest as one line of JSON.
///
/// The graph is built once and run again and again, and values and counters are set back between the clocks: the way
/// that is kindest to the peer.
inline void report(const char* peer, const std::string& version, const Shape& shape, const Graph& graph, Work& work,
                   const Options& options, double secondsBuild, const std::function<void()>& prepare,
                   const std::function<void()>& run) {
    double best = 1e300;
    for (unsigned round = 0; round < options.repeat; round++) {
        work.reset();
        prepare();
        const double begin = secondsNow();
        run();
        best = std::min(best, secondsNow() - begin);
    }
    std::printf("{\"peer\":\"%s\",\"version\":\"%s\",\"shape\":\"%s\",\"tasks\":%u,\"edges\":%zu,\"checksum\":\"%016llx\","
                "\"workers\":%u,\"seconds_build\":%.6f,\"seconds_run\":%.6f,\"us_per_task_run\":%.4f}\n",
                peer, version.c_str(), shape.name, graph.taskCount(), graph.inputs.size(),
                (unsigned long long)work.checksum(), options.workers, secondsBuild, best, best * 1e6 / graph.taskCount());
    std::fflush(stdout);
}
