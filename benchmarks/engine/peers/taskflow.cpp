// Taskflow on the shapes of shapes.hpp: one tf::Task a task, `precede` an edge, the flow built once and run again.
#include <taskflow/taskflow.hpp>

#include "shapes.hpp"

int main(int count, char** words) {
    const Options options(count, words);
    tf::Executor executor(options.workers);
    for (const Shape& shape : shapes) {
        if (!options.wants(shape)) continue;
        const Graph graph = shape.make(options.seed);
        Work work(graph);
        const double begin = secondsNow();
        tf::Taskflow flow;
        std::vector<tf::Task> tasks;
        tasks.reserve(graph.taskCount());
        for (uint32_t task = 0; task < graph.taskCount(); task++) {
            tasks.push_back(flow.emplace([&work, task] { work.run(task); }));
            for (uint32_t at = graph.inputOffsets[task]; at < graph.inputOffsets[task + 1]; at++)
                tasks[graph.inputs[at]].precede(tasks[task]);
        }
        const double secondsBuild = secondsNow() - begin;
        report("Taskflow", tf::version(), shape, graph, work, options, secondsBuild, [] {},
               [&] { executor.run(flow).wait(); });
    }
}
