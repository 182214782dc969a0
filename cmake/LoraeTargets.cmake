# lorae_warnings: what we ask of our own code, and of nobody else's.
add_library(lorae_warnings INTERFACE)
target_compile_options(lorae_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion -Wshadow>
  # g++ 12 warns about std::string's own operator+ (GCC bug 105651).
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${LORAE_WERROR}>>:-Werror>)
if(LORAE_SANITIZE)
  target_compile_options(lorae_warnings INTERFACE
    -fsanitize=${LORAE_SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LORAE_SANITIZE})
endif()

# lorae_library(<folder> SOURCES ... [DEPS ...] [PRIVATE_DEPS ...] [TORCH])
#   One folder, one target lorae::<folder>. TORCH: its sources include tensors/torch.h and share
#   the precompiled header; for <ATen/core/Tensor.h> alone, depending on lorae::tensors is enough
#   and compiles faster.
function(lorae_library name)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(lorae_${name} STATIC ${ARG_SOURCES})
  add_library(lorae::${name} ALIAS lorae_${name})
  set_target_properties(lorae_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(lorae_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:include/lorae>)
  target_compile_features(lorae_${name} PUBLIC cxx_std_20)
  target_link_libraries(lorae_${name}
    PUBLIC ${ARG_DEPS}
    PRIVATE $<BUILD_INTERFACE:lorae_warnings> ${ARG_PRIVATE_DEPS})
  set(free ON)
  if(ARG_TORCH)
    lorae_use_torch(lorae_${name} PUBLIC)
    set(free OFF)
  endif()
  get_property(free_libraries GLOBAL PROPERTY LORAE_FREE_LIBRARIES)
  foreach(dependency ${ARG_DEPS})
    string(REPLACE "lorae::" "lorae_" dependency ${dependency})
    if(dependency MATCHES "^lorae_" AND NOT dependency IN_LIST free_libraries)
      set(free OFF)
    endif()
  endforeach()
  if(free)  # of LibTorch
    set_property(GLOBAL APPEND PROPERTY LORAE_FREE_LIBRARIES lorae_${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY LORAE_LIBRARIES lorae_${name})
endfunction()

# Programs that train get an allocator that fits tensors, unless a sanitizer brings its own.
function(lorae_use_allocator target)
  if(LORAE_TCMALLOC AND NOT LORAE_SANITIZE)
    target_link_libraries(${target} PRIVATE -Wl,--no-as-needed ${LORAE_TCMALLOC} -Wl,--as-needed)
  endif()
endfunction()

# lorae_program(<name> SOURCES ... DEPS ...)
function(lorae_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} lorae_warnings)
  lorae_use_allocator(${name})
  set_property(GLOBAL APPEND PROPERTY LORAE_PROGRAMS ${name})
endfunction()

# LibTorch's headers are not ours to warn about; its precompiled header is built once, by the
# first target that asks, and reused by the others.
function(lorae_use_torch target visibility)
  target_include_directories(${target} SYSTEM ${visibility} ${TORCH_INCLUDE_DIRS})
  target_link_libraries(${target} ${visibility} ${TORCH_LIBRARIES})
  target_compile_options(${target} PRIVATE ${TORCH_CXX_FLAGS}
    -fPIC)  # programs too: else they could not reuse the libraries' precompiled header
  if(NOT LORAE_TORCH_PCH)
    return()
  endif()
  # Reading 600 MB of precompiled header pays only for a source that includes all of LibTorch.
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    if(source MATCHES "[.]cpp$" AND EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
      file(STRINGS "${CMAKE_CURRENT_SOURCE_DIR}/${source}" door REGEX "tensors/torch[.]h" LIMIT_COUNT 1)
      if(NOT door)
        set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
      endif()
    endif()
  endforeach()
  get_property(owner GLOBAL PROPERTY LORAE_TORCH_PCH_OWNER)
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:${PROJECT_SOURCE_DIR}/tensors/torch.h>)
    set_property(GLOBAL PROPERTY LORAE_TORCH_PCH_OWNER ${target})
  endif()
endfunction()
