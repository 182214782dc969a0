# The target tidy: clang-tidy, by the rules of .clang-tidy, over the libraries that are free of
# LibTorch; LibTorch's own headers would take minutes for each file. A stamp per source: what has not
# changed is not read again.
find_program(CLANG_TIDY clang-tidy)
if(NOT CLANG_TIDY)
  add_custom_target(tidy COMMAND ${CMAKE_COMMAND} -E echo "clang-tidy is not installed" COMMAND false)
  return()
endif()
get_property(libraries GLOBAL PROPERTY LORAE_FREE_LIBRARIES)
set(headers ${PROJECT_SOURCE_DIR}/.clang-tidy)
set(sources "")
foreach(library ${libraries})
  get_target_property(folder ${library} SOURCE_DIR)
  file(GLOB_RECURSE of_folder CONFIGURE_DEPENDS ${folder}/*.h)
  list(APPEND headers ${of_folder})
  get_target_property(of_library ${library} SOURCES)
  list(FILTER of_library INCLUDE REGEX "^[a-z_/]+[.]cpp$")
  list(TRANSFORM of_library PREPEND ${folder}/)
  list(APPEND sources ${of_library})
endforeach()
list(REMOVE_DUPLICATES headers)
set(stamps "")
foreach(source ${sources})
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${source})
  string(REPLACE "/" "." stamp ${name})
  set(stamp ${PROJECT_BINARY_DIR}/tidy/${stamp})
  add_custom_command(
    OUTPUT ${stamp}
    COMMAND ${CLANG_TIDY} --quiet --extra-arg=-Wno-unknown-warning-option -p ${PROJECT_BINARY_DIR} ${source}
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
    DEPENDS ${source} ${headers}
    COMMENT "Reading ${name} with clang-tidy"
    VERBATIM)
  list(APPEND stamps ${stamp})
endforeach()
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/tidy)
add_custom_target(tidy DEPENDS ${stamps})
