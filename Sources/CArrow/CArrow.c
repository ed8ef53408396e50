#include "CArrow.h"

#include <dlfcn.h>
#include <stdio.h>

const pq_functions *graphrun_arrow_load(const char *path, pq_message *message) {
  // Never unloaded: Arrow's own destructors run when the process ends.
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(message->text, sizeof message->text, "%s", dlerror());
    return NULL;
  }
  const pq_functions *(*functions)(void);
  *(void **)&functions = dlsym(library, "graphrun_arrow_functions");
  if (!functions) {
    snprintf(message->text, sizeof message->text, "%s was built without Arrow", path);
    return NULL;
  }
  const pq_functions *table = functions();
  if (table->version != PQ_INTERFACE_VERSION) {
    snprintf(message->text, sizeof message->text, "%s belongs to another version of graphrun", path);
    return NULL;
  }
  return table;
}
